/// The values of `[plugin.config]` as a list, in which the values of a table or an array are consecutive. The first is
/// the table itself.
package struct PluginConfigList: Sendable {
  package enum Value: Sendable, Equatable {
    /// UTF-8.
    case string([UInt8])
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    /// A date, a time, or both, in TOML's format.
    case date([UInt8])
    /// The indices of its elements in the list.
    case array(Range<Int>)
    /// The indices of its values in the list, sorted by key.
    case table(Range<Int>)
  }

  package struct Item: Sendable {
    /// Empty for an element of an array, and for the table itself.
    package let key: [UInt8]
    package let value: Value
    /// The full name, such as `plugin.config.limits.rate` or `plugin.config.hosts[1]`.
    fileprivate let name: String
    fileprivate let origin: Origin
    fileprivate let keyOrigin: Origin
  }

  package private(set) var items: [Item] = []

  /// - Parameters:
  ///   - file: the name of the file in diagnostics.
  ///   - origin: the origin of the table, or of the plugin if it has none.
  ///   - keyOrigins: the origins of keys that flags have set, by names such as `plugin.config.greeting`.
  init(_ config: PluginConfig, file: String, origin: Origin, keyOrigins: [String: Origin]) {
    var nodes: [(node: TOMLNode, place: Place)] = [
      (
        TOMLNode(value: .table(config.table), position: .start),
        Place(key: "", name: "plugin.config", origin: origin, keyOrigin: origin)
      )
    ]
    var next = 0
    while next < nodes.count {
      let (node, place) = nodes[next]
      next += 1
      let first = nodes.count
      func origin(_ position: TextPosition, _ name: String) -> Origin {
        // Values within a flag's value have the flag as their origin.
        if case .flag = place.origin, next > 1 { return place.origin }
        if case .flag(let flag)? = keyOrigins[name] { return .flag(flag) }
        return .file(name: file, position: position)
      }
      let value: Value
      switch node.value {
      case .string(let text): value = .string(Array(text.utf8))
      case .integer(let number): value = .integer(number)
      case .float(let number): value = .float(number)
      case .boolean(let truth): value = .boolean(truth)
      case .date(let text): value = .date(Array(text.utf8))
      case .array(let elements):
        for (index, element) in elements.enumerated() {
          let name = "\(place.name)[\(index)]"
          let origin = origin(element.position, name)
          nodes.append((element, Place(key: "", name: name, origin: origin, keyOrigin: origin)))
        }
        value = .array(first..<nodes.count)
      case .table(let table):
        for entry in table.entries {
          let name = "\(place.name).\(QuotedText.tomlKey(entry.key))"
          nodes.append(
            (
              entry.node,
              Place(
                key: entry.key, name: name, origin: origin(entry.node.position, name),
                keyOrigin: origin(entry.keyPosition, name))
            ))
        }
        value = .table(first..<nodes.count)
      }
      items.append(
        Item(
          key: Array(place.key.utf8), value: value, name: place.name, origin: place.origin, keyOrigin: place.keyOrigin))
    }
  }

  private struct Place {
    let key: String
    let name: String
    let origin: Origin
    let keyOrigin: Origin
  }

  /// An error message about an item, or about a key of it, which need not exist.
  package func line(_ index: Int, key: String?, _ message: String) -> String {
    let item = items[index]
    guard let key else { return line(item.origin, item.name, message) }
    if let child = child(of: item, key: key) { return line(child.origin, child.name, message) }
    return line(item.origin, "\(item.name).\(QuotedText.tomlKey(key))", message)
  }

  /// An error message for each key of a table that is not in `known`.
  package func unknownKeys(of index: Int, known: [String]) -> [String] {
    guard case .table(let range) = items[index].value else { return [] }
    let suggestion = Suggestion(names: known)
    return items[range].compactMap { item in
      let key = String(decoding: item.key, as: UTF8.self)
      if known.contains(key) { return nil }
      let kind = if case .table = item.value { "table" } else { "key" }
      return line(
        item.keyOrigin, item.name, "unknown \(kind) \(QuotedText.shown(key))\(suggestion.clause(for: key))")
    }
  }

  private func child(of item: Item, key: String) -> Item? {
    guard case .table(let range) = item.value else { return nil }
    return items[range].first { $0.key.elementsEqual(key.utf8) }
  }

  private func line(_ origin: Origin, _ name: String, _ message: String) -> String {
    ConfigurationDiagnostic(origin: origin, message: "\(QuotedText.shortened(name, to: 256)): \(message)").description
  }
}

extension Configuration {
  /// The values of `[plugin.config]` of `settings.plugins[index]`.
  package func pluginConfig(_ index: Int) -> PluginConfigList {
    let plugin = plugins[index]
    return PluginConfigList(
      plugin.value.config, file: file ?? "", origin: plugin.origins["plugin.config"] ?? plugin.origin,
      keyOrigins: plugin.origins)
  }
}
