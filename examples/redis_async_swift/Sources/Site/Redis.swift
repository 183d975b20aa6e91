import Outrider

/// The connections of a worker to redis: each serves one question at a time.
@Loop
final class Redis {
  private static let idleAtMost = 64
  private let address: String
  private let port: Int
  private let host: OutriderHost
  private var idle: [Connection] = []

  nonisolated init(_ address: String, _ port: Int, _ host: OutriderHost) {
    self.address = address
    self.port = port
    self.host = host
  }

  /// The value of a key; nil: there is none.
  func get(_ key: [UInt8]) async throws -> [UInt8]? {
    // One that redis has closed meanwhile is found out by its error.
    if let connection = idle.popLast(), let reply = try? await connection.ask("GET", key) {
      return keep(connection, reply)
    }
    let connection = Connection(try await LoopSocket.connect(to: address, port: port, host))
    return keep(connection, try await connection.ask("GET", key))
  }

  private func keep(_ connection: Connection, _ reply: Reply) -> [UInt8]? {
    if idle.count < Self.idleAtMost { idle.append(connection) }
    if case .string(let bytes) = reply { return bytes }
    return nil
  }
}

/// A reply to GET.
enum Reply {
  case string([UInt8])
  case none
}

/// A reply that is none to GET, or the end of the connection.
struct RedisError: Error, CustomStringConvertible {
  let line: String
  var description: String { line }
}

/// One connection, and what of a reply has come.
@Loop
private final class Connection {
  private let socket: LoopSocket
  private var input: [UInt8] = []

  init(_ socket: LoopSocket) { self.socket = socket }

  func ask(_ command: String, _ argument: [UInt8]) async throws -> Reply {
    let head = "*2\r\n$\(command.utf8.count)\r\n\(command)\r\n$\(argument.count)\r\n"
    try await socket.write(Array(head.utf8) + argument + Array("\r\n".utf8))
    let line = try await readLine()
    guard line.first == UInt8(ascii: "$"), let size = Int(String(decoding: line.dropFirst(), as: UTF8.self)) else {
      throw RedisError(line: String(decoding: line, as: UTF8.self))
    }
    guard size >= 0 else { return .none }
    while input.count < size + 2 { try await readMore() }
    defer { input.removeFirst(size + 2) }
    return .string(Array(input[..<size]))
  }

  private func readLine() async throws -> [UInt8] {
    while true {
      if let end = input.firstIndex(of: UInt8(ascii: "\n")) {
        defer { input.removeFirst(end + 1) }
        return Array(input[..<max(end - 1, 0)])
      }
      try await readMore()
    }
  }

  private func readMore() async throws {
    let bytes = try await socket.read()
    guard !bytes.isEmpty else { throw RedisError(line: "the connection is closed") }
    input += bytes
  }
}
