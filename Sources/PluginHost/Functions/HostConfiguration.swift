import COutrider
import Glibc
import HTTP
import Platform

/// `outrider_host.config_json` and the getters: reading `[plugin.config]`.
enum HostConfiguration {
  /// Strings that have been returned, so that each is copied to permanent memory only once. In workers any thread may
  /// call, hence the lock.
  private static let monitor = Monitor()
  nonisolated(unsafe) private static var permanent: [[UInt8]: Bytes] = [:]

  private static func keep(_ bytes: [UInt8]) -> outrider_bytes {
    monitor.lock()
    defer { monitor.unlock() }
    if let kept = unsafe permanent[bytes] { return unsafe kept.abi }
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    unsafe memory.update(from: bytes, count: bytes.count)
    let kept = unsafe Bytes(base: memory, count: bytes.count)
    unsafe permanent[bytes] = kept
    return unsafe kept.abi
  }

  static func json(_ host: UnsafePointer<outrider_host>?) -> outrider_bytes {
    unsafe keep(HostTable.plugin(host)?.record.configuration.json ?? Array("{}".utf8))
  }

  static func string(
    _ host: UnsafePointer<outrider_host>?, _ key: UnsafePointer<CChar>?, _ fallback: UnsafePointer<CChar>?
  ) -> outrider_bytes {
    if case .string(let bytes) = unsafe value(host, key, wanted: "a string") { return unsafe keep(bytes) }
    guard let fallback = unsafe fallback else { return unsafe outrider_bytes(data: nil, size: 0) }
    // The length in bytes: a String would replace each invalid UTF-8 byte by three.
    return unsafe outrider_bytes(data: fallback, size: strlen(fallback))
  }

  static func integer(
    _ host: UnsafePointer<outrider_host>?, _ key: UnsafePointer<CChar>?, _ fallback: Int64
  ) -> Int64 {
    if case .integer(let number) = unsafe value(host, key, wanted: "an integer") { return number }
    return fallback
  }

  static func boolean(
    _ host: UnsafePointer<outrider_host>?, _ key: UnsafePointer<CChar>?, _ fallback: Int32
  ) -> Int32 {
    if case .boolean(let truth) = unsafe value(host, key, wanted: "a boolean") { return truth ? 1 : 0 }
    return fallback
  }

  /// The value if it has that type, else nil; a value of another type is logged.
  private static func value(
    _ host: UnsafePointer<outrider_host>?, _ key: UnsafePointer<CChar>?, wanted: String
  ) -> PluginConfiguration.Value? {
    guard let plugin = unsafe HostTable.plugin(host), let key = unsafe key else { return nil }
    let name = unsafe String(cString: key)
    guard let value = plugin.record.configuration.value(name) else { return nil }
    switch (value, wanted) {
    case (.string, "a string"), (.integer, "an integer"), (.boolean, "a boolean"): return value
    default:
      let text = Array("config key \(name) is not \(wanted); its fallback is used".utf8)
      unsafe text.withUnsafeBufferPointer { buffer in
        let bytes = unsafe Bytes(base: buffer.baseAddress, count: buffer.count)
        unsafe HostLog.log(plugin.record.host, outrider_exchange(id: 0), OUTRIDER_LOG_WARNING, bytes.abi)
      }
      return nil
    }
  }
}
