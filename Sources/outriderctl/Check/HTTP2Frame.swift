/// A frame of HTTP/2 (RFC 9113 section 4.1).
struct HTTP2Frame {
  enum Kind: UInt8 {
    case data = 0
    case headers, priority, resetStream, settings, pushPromise, ping, goaway, windowUpdate, continuation
  }

  static let endStream: UInt8 = 0x1
  static let acknowledgement: UInt8 = 0x1
  static let endHeaders: UInt8 = 0x4
  private static let headerSize = 9

  /// Nil for one that this client does not know.
  let kind: Kind?
  let flags: UInt8
  let stream: UInt32
  let payload: [UInt8]

  init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
    self.kind = kind
    self.flags = flags
    self.stream = stream
    self.payload = payload
  }

  /// Takes the first frame from `input`, if it is whole.
  init?(from input: inout [UInt8]) {
    guard input.count >= HTTP2Frame.headerSize else { return nil }
    let size = Int(input[0]) << 16 | Int(input[1]) << 8 | Int(input[2])
    guard input.count >= HTTP2Frame.headerSize + size else { return nil }
    kind = Kind(rawValue: input[3])
    flags = input[4]
    stream = HTTP2Frame.number(input[5..<9]) & 0x7FFF_FFFF
    payload = Array(input[HTTP2Frame.headerSize..<HTTP2Frame.headerSize + size])
    input.removeFirst(HTTP2Frame.headerSize + size)
  }

  var bytes: [UInt8] {
    let size = payload.count
    return [UInt8(size >> 16 & 0xFF), UInt8(size >> 8 & 0xFF), UInt8(size & 0xFF), kind?.rawValue ?? 0, flags]
      + HTTP2Frame.bytes(stream) + payload
  }

  /// In network order.
  static func bytes(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}
