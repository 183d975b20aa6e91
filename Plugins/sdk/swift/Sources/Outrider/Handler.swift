import COutriderPlugin

/// A handler in blocking style: it reads, responds and returns, and may block.
///
/// Several threads may call `handle` at once, so that a conforming type is `Sendable`. An error that it throws is logged, and
/// the client gets a 500; if the response has begun, it is cut off.
///
///     struct Hello: Handler {
///       init(_ host: OutriderHost) {}
///       func handle(_ request: borrowing Request) throws {
///         try request.respond(200, ["content-type": "text/plain"], "hello\n")
///       }
///     }
///
///     @c(outrider_plugin_v1)
///     public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Hello.plugin("hello", version: "1.0") }
public protocol Handler: Plugin {
  /// Serves one request. If it returns without a response, the client gets a 500.
  func handle(_ request: borrowing Request) throws
}

extension Handler {
  /// The description of the plugin, which its outrider_plugin_v1() returns. Name and version are for display.
  @safe
  public static func plugin(_ name: StaticString, version: StaticString) -> UnsafeRawPointer? {
    makeEntry.withLock { $0 = { host in try BlockingEntry<Self>(making: host) } }
    return unsafe describe(name, version, isBlocking: true)
  }
}

private final class BlockingEntry<Content: Handler>: Entry {
  let handler: Content

  init(making host: OutriderHost) throws {
    handler = try Content(host)
    super.init(host)
  }

  override func beforeFork() { handler.beforeFork() }
  override func workerStart(_ worker: WorkerInfo) throws { try handler.workerStart(worker) }
  override func workerStop(deadline: UInt64) { handler.workerStop(deadline: deadline) }
  override func unload() { handler.unload() }
  override func handle(_ request: borrowing Request, _ thread: UnsafeMutableRawPointer?) throws {
    try handler.handle(request)
  }
}

/// The hook of the same name.
func handle(
  _ state: UnsafeMutableRawPointer?, _ thread: UnsafeMutableRawPointer?, _ exchange: outrider_exchange,
  _ head: UnsafePointer<outrider_head>, _ io: UnsafePointer<outrider_io>
) -> outrider_status {
  unsafe withEntry(state) { entry in
    do {
      try unsafe entry.handle(Request(exchange, head, io, entry.host), thread)
      return OUTRIDER_OK
    } catch {
      return report(error, entry.host, exchange)
    }
  }
}
