import COutriderPlugin

/// One request and its response, for `AsyncHandler.handle`. It belongs to the worker's loop: other isolations reach it by
/// `await`.
///
/// A response is either one `respond`; or `start`, any number of `write` and `sendFile`, and `end`. It ends at the latest when
/// `handle` returns. Once the client has left, or the host has ended the exchange, waiting methods throw `.closed` or
/// `.cancelled`, and the task of the handler is cancelled, unless its response is complete.
@Loop @safe
public final class AsyncRequest {
  /// The handle of the exchange, whose methods are those of event style: they do not wait.
  public nonisolated let exchange: Exchange
  /// Hooks change it on the loop, which the compiler cannot know.
  nonisolated(unsafe) var state: State

  @safe
  struct State: ~Copyable {
    var head: UnsafePointer<outrider_head>
    var task: Task<Void, Never>?
    var progress = Progress.nothing
    /// Why the exchange is over.
    var end: OutriderError.Code?
    var cancelsOnDrain = false
    /// A response that is to be sent when there is room.
    var kept: Response?
    var hasRoom = true
    /// Where a task waits for room, once one has.
    var room: Waiter?
    var body = IncomingBody()
    var webSocket: WebSocket?
  }

  /// What of the response has been sent.
  enum Progress { case nothing, started, startedWithTrailers, webSocket, complete }

  nonisolated init(_ exchange: Exchange, _ head: UnsafePointer<outrider_head>) {
    self.exchange = exchange
    unsafe state = State(head: head)
  }

  /// The functions of the server.
  public nonisolated var host: OutriderHost { exchange.host }

  /// Whether the worker is draining: finish soon, nothing is cut off yet.
  public nonisolated var isDraining: Bool { host.isDraining }

  /// Whether a worker that drains cancels the task of the handler. Set it for a response without an end, such as server-sent
  /// events, whose body then ends there; other responses are better finished.
  public var cancelsOnDrain: Bool {
    get { unsafe state.cancelsOnDrain }
    set {
      unsafe state.cancelsOnDrain = newValue
      if newValue && isDraining { unsafe state.task?.cancel() }
    }
  }
}

// MARK: The head

extension AsyncRequest {
  /// Passes the head to `body`, in place. After the end of the exchange the head is empty.
  public func withHead<Result>(_ body: (Head) throws -> Result) rethrows -> Result {
    try body(unsafe Head(state.head))
  }

  /// The method, a copy.
  public var method: String { withHead { String($0.method) } }
  /// The path, decoded, without dot segments and without the mount; a copy.
  public var path: String { withHead { String($0.path) } }
  /// The query as received, without the '?'; a copy.
  public var query: String { withHead { String($0.query) } }

  /// The value of the first field line of that name, in any case, a copy; nil if there is none.
  public func field(_ name: StaticString) -> String? { withHead { $0.field(name) } }
}

// MARK: What the host tells, on the loop

extension AsyncRequest {
  /// The task that serves the request, to be cancelled when nobody wants the response.
  nonisolated func attach(_ task: Task<Void, Never>) { unsafe state.task = task }

  /// The task has done its work, and will serve another request.
  func detach() { unsafe state.task = nil }

  nonisolated func receive(_ event: borrowing Event) {
    switch event {
    case .body(let bytes, let isLast): unsafe state.body.receive(bytes, isLast: isLast)
    case .trailers(let fields): unsafe state.body.receive(fields)
    case .disconnected(let reason): finish(reason)
    case .draining: if unsafe state.cancelsOnDrain { unsafe state.task?.cancel() }
    case .resume:
      unsafe state.hasRoom = true
      unsafe state.room?.resume()
    case .text(let bytes): unsafe state.webSocket?.receive(.text(String(bytes)))
    case .binary(let bytes): unsafe state.webSocket?.receive(.binary(Array(bytes)))
    case .closed(let code, let reason, let isByHost):
      unsafe state.progress = .complete
      unsafe state.webSocket?.close(WebSocketClose(code: code, reason: String(reason), isByHost: isByHost))
      unsafe state.hasRoom = true
      unsafe state.room?.resume()
    case .sent: break
    }
  }

  /// The exchange is over, and the task may last longer.
  nonisolated func finish(_ reason: OutriderError.Code) {
    guard unsafe state.end == nil else { return }
    unsafe state.end = reason
    unsafe state.body.waiter?.resume()
    unsafe state.room?.resume()
    unsafe state.webSocket?.finish()
    unsafe state.webSocket = nil
    if unsafe state.progress != .complete { unsafe state.task?.cancel() }
  }

  /// The head of the request is not valid any more.
  nonisolated func close() {
    unsafe state.head = emptyHead
    finish(.closed)
  }
}

/// What a request shows after the end of its exchange.
nonisolated(unsafe) private let emptyHead: UnsafePointer<outrider_head> = {
  let head = UnsafeMutablePointer<outrider_head>.allocate(capacity: 1)
  unsafe head.initialize(to: outrider_head())
  unsafe head.pointee.size = UInt32(MemoryLayout<outrider_head>.size)
  unsafe head.pointee.content_length = -1
  return unsafe UnsafePointer(head)
}()
