import Outrider

/// WebSockets in event style: each path is one way to use them.
struct EventSockets: EventHandler {
  static let hall: Fields = ["x-hall": "main"]

  /// What an exchange keeps.
  struct State {
    let path: String
    /// A message for which there was no room.
    var kept: WebSocketMessage?
    var sent = 0
  }

  init(_ host: OutriderHost) {}

  func open(_ exchange: Exchange, _ head: Head) throws -> State {
    let path = String(head.path)
    let isChat = path == "/subprotocol" && head.offers("chat")
    if !head.isWebSocket {
      try exchange.respond(426, .none, "this is a WebSocket\n")
    } else if path == "/denied" {
      try exchange.respond(403, .none, "denied\n")
    } else if path == "/later" {
      try exchange.after(nanoseconds: 1_000_000) { reason in
        if reason == nil { try? begin(exchange, path, isChat) }
      }
    } else {
      try begin(exchange, path, isChat)
    }
    return State(path: path)
  }

  private func begin(_ exchange: Exchange, _ path: String, _ isChat: Bool) throws {
    try exchange.accept(subprotocol: isChat ? "chat" : "", Self.hall)
    if path == "/closes" {
      try exchange.closeWebSocket(.init(rawValue: 4000), reason: "as asked")
    } else {
      try exchange.receive()
    }
  }

  func receive(_ event: Event, _ exchange: Exchange, _ state: inout State) throws {
    switch event {
    case .text(let bytes):
      switch state.path {
      case "/throws": throw SocketError()
      case "/flood": try flood(exchange, &state)
      case "/large": try echo(.text(String(repeating: "l", count: 300_000)), exchange, &state)
      default: try echo(.text(String(bytes)), exchange, &state)
      }
    case .binary(let bytes): try echo(.binary(Array(bytes)), exchange, &state)
    case .resume:
      if state.path == "/flood" { return try flood(exchange, &state) }
      guard let message = state.kept else { return try exchange.receive() }
      state.kept = nil
      try echo(message, exchange, &state)
    case .closed(let code, let reason, let isByHost):
      let who = isByHost ? "the host" : "the client"
      exchange.log(.info, "closed \(code.rawValue) by \(who): \(String(reason))")
    case .disconnected: exchange.log(.info, "the client has left")
    default: break
    }
  }

  private func echo(_ message: WebSocketMessage, _ exchange: Exchange, _ state: inout State) throws {
    do throws(OutriderError) {
      let acceptance =
        switch message {
        case .text(let text): try exchange.sendText(text)
        case .binary(let bytes): try exchange.sendBinary(bytes.span)
        }
      if case .paused = acceptance { return }
      try exchange.receive()
    } catch {
      guard error.code == .again else { throw error }
      state.kept = message
    }
  }

  private func flood(_ exchange: Exchange, _ state: inout State) throws {
    while state.sent < 2000 {
      let digits = Array("\(state.sent)".utf8)
      let message = digits + [UInt8](repeating: UInt8(ascii: "x"), count: 1000 - digits.count)
      do throws(OutriderError) {
        let acceptance = try exchange.sendBinary(message.span)
        state.sent += 1
        if case .paused = acceptance { return }
      } catch {
        if error.code == .again { return }
        throw error
      }
    }
    if state.sent == 2000 {
      state.sent += 1
      try exchange.closeWebSocket(.normal, reason: "that is all")
    }
  }
}

struct SocketError: Error, CustomStringConvertible {
  var description: String { "thrown by an event" }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { EventSockets.plugin("sockets", version: "1.0") }
