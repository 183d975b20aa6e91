import COutrider
import Glibc
import HTTP

/// Errors that a plugin reports about its configuration while it is loaded.
enum ConfigErrors {
  static func add(
    _ host: UnsafePointer<outrider_host>?, _ value: UInt32, _ key: UnsafePointer<CChar>?, _ message: outrider_bytes
  ) -> outrider_status {
    guard let plugin = unsafe HostTable.plugin(host), plugin.record.isLoading else {
      return CallStatus.wrongState.rawValue
    }
    let text = unsafe Bytes(message)
    guard unsafe ConfigValues.item(host, value) != nil, text.isWellFormed, !text.isEmpty else {
      return CallStatus.invalid.rawValue
    }
    let line = plugin.record.configuration.messages.line(
      Int(value) - 1, unsafe self.key(key), LogText.escaped(text, limit: Int(OUTRIDER_CONFIG_MAX_MESSAGE)))
    return append([line], to: plugin).rawValue
  }

  static func expect(
    _ host: UnsafePointer<outrider_host>?, _ table: UInt32, _ keys: UnsafePointer<UnsafePointer<CChar>?>?,
    _ count: UInt32
  ) -> outrider_status {
    guard let plugin = unsafe HostTable.plugin(host), plugin.record.isLoading else {
      return CallStatus.wrongState.rawValue
    }
    guard count <= OUTRIDER_CONFIG_MAX_KEYS, unsafe count == 0 || keys != nil,
      case .table? = unsafe ConfigValues.item(host, table)?.value
    else { return CallStatus.invalid.rawValue }
    var known: [String] = []
    for index in 0..<Int(count) {
      guard let key = unsafe self.key(keys?[index]) else { return CallStatus.invalid.rawValue }
      known.append(key)
    }
    let lines = plugin.record.configuration.messages.unknownKeys(Int(table) - 1, known)
    if lines.isEmpty { return CallStatus.ok.rawValue }
    _ = append(lines, to: plugin)
    return CallStatus.invalid.rawValue
  }

  private static func append(_ lines: [String], to plugin: Plugin) -> CallStatus {
    let room = Int(OUTRIDER_CONFIG_MAX_ERRORS) - plugin.record.configurationErrors.count
    plugin.record.configurationErrors += lines.prefix(max(0, room))
    return lines.count <= room ? .ok : .limit
  }

  /// A key as text, shortened. A key that is too long can't be in the file.
  private static func key(_ key: UnsafePointer<CChar>?) -> String? {
    guard let key = unsafe key else { return nil }
    let count = unsafe strnlen(key, Int(OUTRIDER_CONFIG_MAX_MESSAGE))
    return unsafe String(decoding: UnsafeRawBufferPointer(start: key, count: count), as: UTF8.self)
  }
}
