/// Settings on the command line for the plugin that is named there.
extension ConfigurationSources {
  /// The key of `key=value`; nil for the name of a file. To name a file of that form, it is written with its folder, as
  /// in `./a=b.toml`.
  package static func pluginKey(of text: String) -> String? {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")) else { return nil }
    let key = text[..<equals]
    let parts = key.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isOfKey) }) else { return nil }
    return String(key)
  }

  /// Whether the byte is allowed in a TOML key without quotes.
  private static func isOfKey(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Applies settings; the last of several for a key counts.
  func apply(_ settings: [Override], to plugin: inout Sourced<PluginSettings>, _ diagnostics: inout DiagnosticList) {
    for setting in settings {
      let origin = setting.shownOrigin
      do throws(ValueError) {
        if let key = setting.pluginConfigKey {
          let path = key.split(separator: ".").map(String.init)
          let node = FlagValue.node(setting.value)
          let table = try plugin.value.config.table.setting(path[...], node)
          plugin.value.config = try PluginConfig(table)
          plugin.origins["plugin.config.\(path[0])"] = origin
        } else if let key = PluginSettings.schema[setting.key] {
          try key.store(FlagValue.node(setting.value), &plugin.value)
          plugin.origins[key.name] = origin
        }
      } catch {
        for diagnostic in error.diagnostics { diagnostics.add(origin, diagnostic.message) }
      }
    }
  }
}

extension ConfigurationSources.Override {
  private static let pluginConfig = "plugin.config."

  /// The key in `[plugin.config]`, or nil if this is a setting of another table.
  var pluginConfigKey: String? {
    key.hasPrefix(Self.pluginConfig) ? String(key.dropFirst(Self.pluginConfig.count)) : nil
  }
}

extension TOMLTable {
  /// A copy of the table with a value at the end of `path`, replacing an existing one.
  fileprivate func setting(_ path: ArraySlice<String>, _ node: TOMLNode) throws(ValueError) -> TOMLTable {
    guard path.count <= PluginConfig.depthLimit, let key = path.first else {
      throw ValueError(node, "tables more than \(PluginConfig.depthLimit) deep")
    }
    var value = node
    if path.count > 1 {
      var inner = TOMLTable()
      if let found = self[key] {
        guard case .table(let table) = found.node.value else {
          throw ValueError(node, "\(QuotedText.shown(key)) has a value, and is no table")
        }
        inner = table
      }
      value = TOMLNode(value: .table(try inner.setting(path.dropFirst(), node)), position: .start)
    }
    var table = self
    table.entries.removeAll { $0.key == key }
    table.entries.append(TOMLEntry(key: key, keyPosition: .start, node: value))
    table.entries.sort { $0.key < $1.key }
    return table
  }
}
