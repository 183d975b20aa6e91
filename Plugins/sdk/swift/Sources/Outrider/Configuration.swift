import COutriderPlugin

/// A value of `[plugin.config]`: the table itself, or something in it. It is read in `Plugin.init`.
///
///     struct Settings: Decodable { let greeting: String; let limit: Int? }
///     let settings = try host.configuration.decode(Settings.self)
///
/// Each error names the file, the line and the key.
@safe
public struct Configuration: @unchecked Sendable {
  // The tables of the host, which are there for the life of the process.
  let host: OutriderHost
  let functions: UnsafePointer<outrider_config>
  let value: UInt32
  let key: String

  /// What a value is.
  public enum Kind: UInt32, Sendable {
    case missing
    case table, array, string, integer, float, boolean, date
  }

  /// What the value is.
  public var kind: Kind { unsafe Kind(rawValue: functions.pointee.type(host.table, value)) ?? .missing }

  /// The value of a key of a table; its kind is `.missing` if there is none.
  public subscript(key: String) -> Configuration {
    let found = unsafe key.withCString { unsafe functions.pointee.find(host.table, value, $0) }
    return unsafe Configuration(host: host, functions: functions, value: found, key: key)
  }

  /// The keys of a table, in the order of their bytes; none for other values.
  public var keys: [String] {
    guard kind == .table else { return [] }
    return (0..<count).map { index in
      let child = unsafe functions.pointee.at(host.table, value, UInt32(index))
      return unsafe String(Bytes(functions.pointee.key(host.table, child)))
    }
  }

  /// The elements of an array, in their order; none for other values.
  public var elements: [Configuration] {
    guard kind == .array else { return [] }
    return (0..<count).map { index in
      let child = unsafe functions.pointee.at(host.table, value, UInt32(index))
      return unsafe Configuration(host: host, functions: functions, value: child, key: "\(key)[\(index)]")
    }
  }

  private var count: Int { Int(unsafe functions.pointee.count(host.table, value)) }

  /// The text of a string, or a date as TOML writes it; nil for other values.
  public var string: String? {
    guard kind == .string || kind == .date else { return nil }
    return unsafe String(Bytes(functions.pointee.text(host.table, value)))
  }

  /// An integer; nil for other values.
  public var integer: Int64? {
    kind == .integer ? unsafe functions.pointee.integer(host.table, value) : nil
  }

  /// A float, or an integer as one; nil for other values.
  public var number: Double? {
    kind == .float || kind == .integer ? unsafe functions.pointee.number(host.table, value) : nil
  }

  /// A boolean; nil for other values.
  public var boolean: Bool? {
    kind == .boolean ? unsafe functions.pointee.integer(host.table, value) != 0 : nil
  }

  /// The absolute path of a file that the configuration names: relative paths start at its own folder.
  public func path(_ text: String) -> String {
    let folder = unsafe String(Bytes(functions.pointee.folder(host.table)))
    return text.hasPrefix("/") || folder.isEmpty ? text : "\(folder)/\(text)"
  }

  /// Reports an error about the value, or about a key of this table, which need not be there; the start of the server fails
  /// with all errors that are reported. Throw the result where there is nothing to go on with.
  @discardableResult
  public func report(_ message: String, key: String? = nil) -> ConfigurationError {
    let status = unsafe message.pass { message in
      unsafe key.map { unsafe $0.withCString { unsafe functions.pointee.error(host.table, value, $0, message) } }
        ?? functions.pointee.error(host.table, value, nil, message)
    }
    return ConfigurationError(message: message, key: key ?? self.key, isReported: status >= OUTRIDER_OK)
  }

  /// Reports each key of this table that is not among these, with the one that was meant.
  public func expect(_ keys: [String]) {
    unsafe withCStrings(keys[...], []) { unsafe functions.pointee.expect(host.table, value, $0, UInt32(keys.count)) }
  }

  private func withCStrings(
    _ rest: ArraySlice<String>, _ pointers: [UnsafePointer<CChar>],
    _ call: (UnsafePointer<UnsafePointer<CChar>>) -> outrider_status
  ) {
    guard let first = rest.first else {
      // An empty array has no address, which expect() requires.
      var pointers = unsafe pointers
      if unsafe pointers.isEmpty { unsafe pointers.append(UnsafePointer(emptyText)) }
      _ = unsafe call(pointers)
      return
    }
    unsafe first.withCString { unsafe withCStrings(rest.dropFirst(), pointers + [$0], call) }
  }
}

nonisolated(unsafe) private let emptyText: UnsafeMutablePointer<CChar> = {
  let text = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
  unsafe text.initialize(to: 0)
  return unsafe text
}()

/// A value of the configuration that the plugin cannot use.
public struct ConfigurationError: Error, CustomStringConvertible {
  public let message: String
  /// The key that it is about; empty for the table itself.
  public let key: String
  /// Whether the operator sees it with its place in the file.
  let isReported: Bool

  public var description: String { key.isEmpty ? message : "plugin.config.\(key): \(message)" }
}

extension OutriderHost {
  /// The table `[plugin.config]`; nil if this host is too old for typed values.
  public var configuration: Configuration {
    get throws {
      guard let functions: UnsafePointer<outrider_config> = unsafe find(OUTRIDER_CONFIG) else {
        throw OutriderError(.unsupported, in: "outrider.config/1")
      }
      return unsafe Configuration(host: self, functions: functions, value: OUTRIDER_CONFIG_ROOT, key: "")
    }
  }
}
