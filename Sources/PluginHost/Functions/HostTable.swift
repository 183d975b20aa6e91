import COutrider
import HTTP
import Platform

/// The table of host functions, one for each plugin entry.
enum HostTable {
  /// A new table, never freed; `implementation` is for the caller to set.
  static func make() -> UnsafeMutablePointer<outrider_host> {
    let table = UnsafeMutablePointer<outrider_host>.allocate(capacity: 1)
    unsafe table.initialize(
      to: outrider_host(
        size: UInt32(MemoryLayout<outrider_host>.size), abi: ABI.version, implementation: nil,
        extension: { _, _ in nil },
        log: { unsafe HostLog.log($0, $1, $2, $3) },
        config_json: { unsafe HostConfiguration.json($0) },
        config_string: { unsafe HostConfiguration.string($0, $1, $2) },
        config_integer: { unsafe HostConfiguration.integer($0, $1, $2) },
        config_boolean: { unsafe HostConfiguration.boolean($0, $1, $2) },
        head: { _, exchange in unsafe HostExchange.head(exchange) },
        cancelled: { _, exchange in HostExchange.cancelled(exchange) },
        send: { unsafe EventSending.send($0, $1, $2) },
        receive: { unsafe HostExchange.receive($0, $1, $2) },
        post: { unsafe HostCallbacks.post($0, $1, $2, $3) },
        after: { unsafe HostCallbacks.after($0, $1, $2, $3, $4, $5) },
        cancel: { HostCallbacks.cancel($1) }))
    return unsafe table
  }

  /// The entry a table belongs to.
  static func plugin(_ host: UnsafePointer<outrider_host>?) -> Plugin? {
    guard let record = unsafe host?.pointee.implementation else { return nil }
    return unsafe Plugin(raw: record)
  }
}

extension Plugin {
  init(raw: UnsafeMutableRawPointer) {
    unsafe address = raw.assumingMemoryBound(to: PluginRecord.self)
  }
}
