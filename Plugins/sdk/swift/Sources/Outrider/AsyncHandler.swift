import COutriderPlugin

/// A handler that awaits. Each request has a task of its own, on the loop of its worker: what it does between two waits keeps
/// other requests waiting.
///
/// An error that it throws is logged, and the client gets a 500; if the response has begun, it is cut off. An error that says
/// that the client has left, or that the host has ended the exchange, is no failure.
///
///     struct Hello: AsyncHandler {
///       init(_ host: OutriderHost) {}
///       func handle(_ request: AsyncRequest) async throws {
///         try request.earlyHints(["link": "</style.css>; rel=preload; as=style"])
///         try await request.sleep(for: .milliseconds(100))
///         try request.respond(200, ["content-type": "text/plain"], "hello\n")
///       }
///     }
public protocol AsyncHandler: Plugin {
  /// Serves one request. If it returns without a response, the client gets a 500; if the response has no end, it ends.
  @Loop func handle(_ request: AsyncRequest) async throws
}

extension AsyncHandler {
  /// The description of the plugin, which its outrider_plugin_v1() returns. Name and version are for display.
  @safe
  public static func plugin(_ name: StaticString, version: StaticString) -> UnsafeRawPointer? {
    makeEntry.withLock { $0 = { host in try AsyncEntry<Self>(making: host) } }
    return unsafe describe(name, version, isBlocking: false)
  }
}

private final class AsyncEntry<Content: AsyncHandler>: Entry, RequestServer, @unchecked Sendable {
  let handler: Content
  let idle = IdleTasks()

  init(making host: OutriderHost) throws {
    handler = try Content(host)
    super.init(host)
  }

  override func beforeFork() { handler.beforeFork() }
  override func workerStart(_ worker: WorkerInfo) throws { try handler.workerStart(worker) }
  override func workerStop(deadline: UInt64) {
    handler.workerStop(deadline: deadline)
    idle.end()
  }
  override func unload() { handler.unload() }

  override func open(_ exchange: Exchange, _ head: UnsafePointer<outrider_head>) -> UnsafeMutableRawPointer? {
    let request = unsafe AsyncRequest(exchange, head)
    LoopExecutor.shared.run {
      if let task = idle.take() {
        task.resume(request)
      } else {
        _ = RequestTask(request, self)
      }
    }
    return unsafe Unmanaged.passRetained(request).toOpaque()
  }

  @Loop
  func serve(_ request: AsyncRequest) async {
    do {
      try await handler.handle(request)
      if !request.isComplete { try await request.complete() }
    } catch {
      await request.fail(error)
    }
  }

  override func receive(_ event: UnsafePointer<outrider_event>, _ exchange: Exchange, _ state: UnsafeMutableRawPointer?)
  {
    guard let event = unsafe Event(event) else { return }
    let request = unsafe Unmanaged<AsyncRequest>.fromOpaque(state.unsafelyUnwrapped).takeUnretainedValue()
    LoopExecutor.shared.run { request.receive(event) }
  }

  override func close(_ exchange: Exchange, _ state: UnsafeMutableRawPointer?) {
    let request = unsafe Unmanaged<AsyncRequest>.fromOpaque(state.unsafelyUnwrapped).takeRetainedValue()
    LoopExecutor.shared.run { request.close() }
  }
}
