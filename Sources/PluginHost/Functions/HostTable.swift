import COutrider
import HTTP
import Platform

/// The table of host functions, one for each plugin entry.
enum HostTable {
  /// Makes a table, which is never freed; the caller sets `implementation`.
  static func make() -> UnsafeMutablePointer<outrider_host> {
    let table = UnsafeMutablePointer<outrider_host>.allocate(capacity: 1)
    unsafe table.initialize(
      to: outrider_host(
        size: UInt32(MemoryLayout<outrider_host>.size), abi: ABI.version, implementation: nil,
        extension: { _, name in unsafe Extensions.table(named: name) },
        log: { unsafe HostLog.log($0, $1, $2, $3) },
        config_json: { unsafe HostConfiguration.json($0) },
        config_string: { unsafe HostConfiguration.string($0, $1, $2) },
        config_integer: { unsafe HostConfiguration.integer($0, $1, $2) },
        config_boolean: { unsafe HostConfiguration.boolean($0, $1, $2) },
        head: { _, exchange in unsafe HostExchange.head(exchange) },
        tls: { unsafe HostExchange.tls($0, $1) },
        cancelled: { _, exchange in HostExchange.cancelled(exchange) },
        draining: { _ in Runtime.current?.isDraining == true ? 1 : 0 },
        send: { unsafe EventSending.send($0, $1, $2) },
        receive: { unsafe HostExchange.receive($0, $1, $2) },
        post: { unsafe HostCallbacks.post($0, $1, $2, $3) },
        after: { unsafe HostCallbacks.after($0, $1, $2, $3, $4, $5) },
        cancel: { HostCallbacks.cancel($1) },
        wake: { unsafe HostCallbacks.wake($0) },
        send_informational: { unsafe EventFunctions.informational($0, $1, $2, $3, $4) },
        send_start: { unsafe EventFunctions.start($0, $1, $2, $3, $4, $5) },
        send_body: { unsafe EventFunctions.body($0, $1, $2, $3) },
        send_trailers: { unsafe EventFunctions.trailers($0, $1, $2, $3) },
        send_response: { unsafe EventFunctions.response($0, $1, $2, $3, $4, $5) },
        send_abort: { unsafe EventFunctions.abort($0, $1, $2) }))
    return unsafe table
  }

  /// The entry that a table belongs to.
  static func plugin(_ host: UnsafePointer<outrider_host>?) -> Plugin? {
    guard let record = unsafe host?.pointee.implementation else { return nil }
    return unsafe Plugin(raw: record)
  }
}
