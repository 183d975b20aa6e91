import Outrider

/// WebSockets in async style: each path is one way to use them.
struct AsyncSockets: AsyncHandler {
  static let hall: Fields = ["x-hall": "main"]

  init(_ host: OutriderHost) {}

  func handle(_ request: AsyncRequest) async throws {
    guard request.isWebSocket else { return try request.respond(426, .none, "this is a WebSocket\n") }
    let path = request.path
    if path == "/denied" { return try request.respond(403, .none, "denied\n") }
    if path == "/later" { try await request.sleep(for: .milliseconds(1)) }
    let isChat = path == "/subprotocol" && request.offers("chat")
    let socket = try request.accept(subprotocol: isChat ? "chat" : "", Self.hall)
    do { try await talk(path, socket) } catch {
      if Task.isCancelled { request.log(.info, "the client has left") }
      throw error
    }
    if let end = socket.closed {
      request.log(.info, "closed \(end.code.rawValue) by \(end.isByHost ? "the host" : "the client"): \(end.reason)")
    }
  }

  @Loop
  private func talk(_ path: String, _ socket: WebSocket) async throws {
    if path == "/closes" { try socket.close(.init(rawValue: 4000), reason: "as asked") }
    for try await message in socket.messages {
      switch path {
      case "/throws": throw SocketError()
      case "/returns": return
      case "/large": try await socket.send(String(repeating: "l", count: 300_000))
      case "/flood":
        for number in 0..<2000 { try await socket.send(numbered(number)) }
        try socket.close(.normal, reason: "that is all")
      default: try await socket.send(message)
      }
    }
  }

  private func numbered(_ number: Int) -> [UInt8] {
    let digits = Array("\(number)".utf8)
    return digits + [UInt8](repeating: UInt8(ascii: "x"), count: 1000 - digits.count)
  }
}

struct SocketError: Error, CustomStringConvertible {
  var description: String { "thrown by a task" }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { AsyncSockets.plugin("sockets", version: "1.0") }
