import HTTP

/// The `[plugin.config]` table of one entry, in the forms that a plugin can read.
///
/// Made once when the plugin is loaded, and never freed: plugins keep views of it for the life of the process.
package final class PluginConfiguration: @unchecked Sendable {
  // Its views refer to memory that is immutable and never freed.
  package enum Value: Sendable {
    case string([UInt8])
    case integer(Int64)
    case boolean(Bool)
    case other
  }

  /// Messages about its errors, with their positions in the configuration file.
  package struct Messages: Sendable {
    /// A line about the item with that index, or about a key of it.
    let line: @Sendable (_ index: Int, _ key: String?, _ message: String) -> String
    /// A line for each key of that table that is not in `known`.
    let unknownKeys: @Sendable (_ index: Int, _ known: [String]) -> [String]

    package init(
      line: @escaping @Sendable (_ index: Int, _ key: String?, _ message: String) -> String,
      unknownKeys: @escaping @Sendable (_ index: Int, _ known: [String]) -> [String]
    ) {
      self.line = line
      self.unknownKeys = unknownKeys
    }

    /// For an entry without a configuration.
    package static let none = Messages(
      line: { _, key, message in "plugin.config\(key.map { ".\($0)" } ?? ""): \(message)" },
      unknownKeys: { _, _ in [] })
  }

  package let json: [UInt8]
  private let lookup: @Sendable (String) -> Value?
  /// The first item is the table itself; the items of a table or an array are consecutive.
  let items: [PluginConfigurationItem]
  let messages: Messages
  /// The folder that relative paths refer to; empty if unknown.
  let folder: Bytes

  /// - Parameters:
  ///   - json: the whole table as one object.
  ///   - items: its values; the first is the table itself.
  ///   - lookup: the value at a dotted key.
  package init(
    json: [UInt8], items: [PluginConfigurationItem], folder: String, messages: Messages,
    lookup: @escaping @Sendable (String) -> Value?
  ) {
    self.json = json
    self.items = items
    self.messages = messages
    self.folder = PluginConfigurationItem.permanent(Array(folder.utf8))
    self.lookup = lookup
  }

  /// The configuration of an entry without one.
  package static var empty: PluginConfiguration {
    PluginConfiguration(
      json: Array("{}".utf8), items: [PluginConfigurationItem(key: [], .table(1..<1))], folder: "", messages: .none
    ) { _ in nil }
  }

  func value(_ key: String) -> Value? { lookup(key) }
}

/// A value of `[plugin.config]`.
package struct PluginConfigurationItem: @unchecked Sendable {
  // Its bytes are immutable and never freed.
  package enum Value {
    case string([UInt8])
    case integer(Int64)
    case float(Double)
    case boolean(Bool)
    case date([UInt8])
    case array(Range<Int>)
    case table(Range<Int>)
  }

  let key: Bytes
  let value: Value
  /// The text of a string or a date.
  let text: Bytes

  package init(key: [UInt8], _ value: Value) {
    self.key = Self.permanent(key)
    self.value = value
    switch value {
    case .string(let bytes), .date(let bytes): text = Self.permanent(bytes)
    default: text = .empty
    }
  }

  /// The indices of the items of a table or an array.
  var children: Range<Int> {
    switch value {
    case .table(let range), .array(let range): range
    default: 0..<0
    }
  }

  fileprivate static func permanent(_ bytes: [UInt8]) -> Bytes {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    unsafe memory.update(from: bytes, count: bytes.count)
    return unsafe Bytes(base: memory, count: bytes.count)
  }
}
