import HTTP

/// The `[plugin.config]` table of one entry, in the forms in which the plugin asks for it.
///
/// Made once, where the plugin is loaded, and never freed: views of it are handed to the plugin for the life of the process.
package final class PluginConfiguration: Sendable {
  package enum Value: Sendable {
    case string([UInt8])
    case integer(Int64)
    case boolean(Bool)
    case other
  }

  package let json: [UInt8]
  private let lookup: @Sendable (String) -> Value?

  /// - Parameters:
  ///   - json: the whole table as one object.
  ///   - lookup: the value at a dotted key.
  package init(json: [UInt8], lookup: @escaping @Sendable (String) -> Value?) {
    self.json = json
    self.lookup = lookup
  }

  func value(_ key: String) -> Value? { lookup(key) }
}
