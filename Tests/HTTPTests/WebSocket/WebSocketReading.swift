import HTTP
import Memory

/// What a reader makes of bytes, copied.
enum WebSocketEvent: Equatable {
  case text(String)
  case binary([UInt8])
  case part([UInt8])
  case ping([UInt8])
  case pong([UInt8])
  case close(UInt16, String)
  case failed(WebSocketFailure)
}

/// A client's frames.
enum ClientFrame {
  static let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]

  /// The frame in its shortest form.
  ///
  /// - Parameter first: the first byte: FIN, RSV1 to RSV3, and the opcode.
  static func frame(_ first: UInt8, _ payload: [UInt8], key: [UInt8] = key) -> [UInt8] {
    header(first, payload.count, key: key) + masked(payload, key: key)
  }

  static func frame(_ first: UInt8, _ payload: String, key: [UInt8] = key) -> [UInt8] {
    frame(first, Array(payload.utf8), key: key)
  }

  static func header(_ first: UInt8, _ length: Int, key: [UInt8] = key) -> [UInt8] {
    switch length {
    case ...125: [first, 0x80 | UInt8(length)] + key
    case ...0xFFFF: [first, 0xFE] + bigEndian(length, 2) + key
    default: [first, 0xFF] + bigEndian(length, 8) + key
    }
  }

  static func bigEndian(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
  }

  static func masked(_ payload: [UInt8], key: [UInt8]) -> [UInt8] {
    var masked = payload
    for index in masked.indices { masked[index] ^= key[index % 4] }
    return masked
  }

  static func close(_ code: UInt16, _ reason: [UInt8] = []) -> [UInt8] {
    frame(0x88, bigEndian(Int(code), 2) + reason)
  }
}

struct WebSocketReading {
  var limits = WebSocketLimits(maxFrame: 1 << 20, maxMessage: 1 << 20)
  var compression: WebSocketCompression?
  var deliversParts = false
  /// How much more memory the message has than it may need.
  var spareMemory = 0

  /// Everything that a new reader makes of `bytes`, which arrive in pieces of `size`; up to a failure.
  func events(_ bytes: [UInt8], pieces size: Int = .max) -> [WebSocketEvent] {
    var reader = WebSocketReader(limits, compression: compression)
    reader.deliversParts = deliversParts
    var message = GrowingMemory<UInt8>(first: 16, most: max(16, limits.maxMessage) + spareMemory)
    var events: [WebSocketEvent] = []
    var start = 0
    repeat {
      let end = start + min(size, bytes.count - start)
      // Memory of its own for each piece, so that a sanitizer sees what is read of another.
      guard WebSocketReading.read(Array(bytes[start..<end]), &reader, &message, &events) else { return events }
      start = end
    } while start < bytes.count
    return events
  }

  /// Reads one piece to its end; false after a failure.
  private static func read(
    _ piece: [UInt8], _ reader: inout WebSocketReader, _ message: inout GrowingMemory<UInt8>,
    _ events: inout [WebSocketEvent]
  ) -> Bool {
    var position = 0
    while true {
      let (consumed, step) = withBytes(piece) { reader.read($0.dropFirst(position), into: &message) }
      position += consumed
      switch step {
      case .incomplete: return position == piece.count
      case .message(let kind):
        let bytes = copy(message.bytes)
        events.append(kind == .text ? .text(String(decoding: bytes, as: UTF8.self)) : .binary(bytes))
        message.empty(keeping: 64)
      case .part:
        events.append(.part(copy(message.bytes)))
        message.empty(keeping: 64)
      case .ping: events.append(.ping(reader.withControlPayload(copy)))
      case .pong: events.append(.pong(reader.withControlPayload(copy)))
      case .close(let code, _):
        events.append(.close(code, String(decoding: reader.withCloseReason(copy), as: UTF8.self)))
      case .failed(let failure):
        events.append(.failed(failure))
        return false
      }
    }
  }
}
