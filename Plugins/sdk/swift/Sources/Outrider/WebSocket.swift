import COutriderPlugin

/// An accepted WebSocket (RFC 6455) of an async handler. It belongs to the worker's loop, as the request does.
///
///     func handle(_ request: AsyncRequest) async throws {
///       guard request.isWebSocket else { return try request.respond(426) }
///       let socket = try request.accept()
///       for try await message in socket.messages { try await socket.send(message) }
///     }
///
/// When `handle` returns, a WebSocket that is open is closed with 1000. An error that it throws is logged, and closes it with
/// 1011 (internal error). A client that leaves without a Close cancels the task, as that of any request. A worker that drains
/// closes the WebSocket with 1012 (service restart) within server.graceful_timeout, unless the handler closes it first.
@Loop @safe
public final class WebSocket {
  private let request: AsyncRequest
  private let waiter = Waiter()
  // The loop's, as hooks know.
  nonisolated(unsafe) private var message: WebSocketMessage?
  nonisolated(unsafe) private var isRequested = false
  nonisolated(unsafe) private var end: WebSocketClose?

  fileprivate init(_ request: AsyncRequest) { self.request = request }

  /// How it has ended, by the client or the host; nil: it has not.
  public var closed: WebSocketClose? { unsafe end }

  /// The messages, until the WebSocket is closed. No more is read from the client than is waited for.
  public nonisolated var messages: Messages { Messages(socket: self) }

  /// A sequence of messages, which ends when the WebSocket is closed.
  public struct Messages: AsyncSequence, Sendable {
    public typealias Element = WebSocketMessage
    let socket: WebSocket

    public func makeAsyncIterator() -> Iterator { Iterator(socket: socket) }

    public struct Iterator: AsyncIteratorProtocol {
      let socket: WebSocket

      public mutating func next() async throws -> WebSocketMessage? { try await socket.next() }
      public mutating func next(isolation: isolated (any Actor)?) async throws -> WebSocketMessage? {
        try await socket.next()
      }
    }
  }

  /// Waits for the next message; nil: the WebSocket is closed.
  public func next() async throws -> WebSocketMessage? {
    while true {
      if let message = unsafe message {
        unsafe self.message = nil
        return message
      }
      if unsafe end != nil { return nil }
      try request.check("next")
      if unsafe !isRequested {
        try request.exchange.receive()
        unsafe isRequested = true
      }
      await waiter.waitOrCancel()
    }
  }

  /// Sends a text message of any size. It waits for room. Throws `.closed` if the WebSocket is closed.
  public func send(_ text: String) async throws { try await send(Array(text.utf8), isText: true) }

  /// Sends a binary message likewise.
  public func send(_ bytes: [UInt8]) async throws { try await send(bytes, isText: false) }

  /// Sends a message of its own kind.
  public func send(_ message: WebSocketMessage) async throws {
    switch message {
    case .text(let text): try await send(text)
    case .binary(let bytes): try await send(bytes)
    }
  }

  /// Sends a Close; `messages` ends when the client has answered it. A reason is cut at 123 bytes. Throws `.invalid` for a code
  /// that may not be sent.
  public func close(_ code: WebSocketCloseCode, reason: String = "") throws(OutriderError) {
    try request.exchange.closeWebSocket(code, reason: reason)
    unsafe request.state.progress = .complete
  }

  private func send(_ bytes: [UInt8], isText: Bool) async throws {
    // The head of a frame takes room, too.
    let most = min(64 * 1024, max(1, LoopExecutor.shared.outputLimit / 2))
    var start = 0
    repeat {
      let stop = min(bytes.count, start + most)
      try await request.sendInRoom("send") {
        guard unsafe end == nil else { return OUTRIDER_E_CLOSED }
        return unsafe bytes.withUnsafeBufferPointer {
          let part = unsafe outrider_bytes(UnsafeBufferPointer(rebasing: $0[start..<stop]))
          return unsafe request.exchange.sendMessagePart(part, isText: isText, more: stop < bytes.count)
        }
      }
      start = stop
    } while start < bytes.count
  }

  // MARK: What the host tells, on the loop

  nonisolated func receive(_ message: WebSocketMessage) {
    unsafe self.message = message
    unsafe isRequested = false
    waiter.resume()
  }

  nonisolated func close(_ close: WebSocketClose) {
    unsafe end = close
    waiter.resume()
  }

  /// The exchange is over.
  nonisolated func finish() { waiter.resume() }
}

extension AsyncRequest {
  /// Whether the request is the handshake of a WebSocket, which may be accepted. Any response refuses it.
  public var isWebSocket: Bool { withHead { $0.isWebSocket } }

  /// Whether the client offers that subprotocol for the WebSocket.
  public func offers(_ subprotocol: String) -> Bool { withHead { $0.offers(subprotocol) } }

  /// Accepts the handshake, with one of the subprotocols that the client offers, and further fields; see `Exchange.accept`.
  public func accept(subprotocol: String = "", _ fields: Fields = .none) throws(OutriderError) -> WebSocket {
    try exchange.accept(subprotocol: subprotocol, fields)
    let socket = WebSocket(self)
    unsafe state.webSocket = socket
    unsafe state.progress = .webSocket
    return socket
  }
}
