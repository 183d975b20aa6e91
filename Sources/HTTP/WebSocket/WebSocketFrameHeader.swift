/// The header of a client's frame (RFC 6455 section 5.2).
struct WebSocketFrameHeader {
  /// Two bytes, an extended length of eight, and the mask.
  static let longest = 14

  let opcode: WebSocketOpcode
  let isFinal: Bool
  /// RSV1: the message is compressed (RFC 7692 section 6).
  let isCompressed: Bool
  /// The length of the payload.
  let length: Int
  let mask: WebSocketMask
  /// The length of the header itself.
  let count: Int

  enum Result {
    case incomplete
    case header(WebSocketFrameHeader)
    case failed(WebSocketFailure)
  }

  /// Reads the header at the beginning of `bytes`. A fault is found as soon as the bytes that show it are there.
  ///
  /// - Parameters:
  ///   - allowsCompression: whether permessage-deflate was negotiated.
  ///   - maxFrame: the maximum length of the payload.
  @inline(__always)
  static func read(_ bytes: Bytes, allowsCompression: Bool, maxFrame: Int) -> Result {
    guard bytes.count >= 2 else { return .incomplete }
    let (first, second) = (bytes[0], bytes[1])
    guard first & (allowsCompression ? 0x30 : 0x70) == 0 else { return .failed(.reservedBit) }
    guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { return .failed(.reservedOpcode) }
    guard second & 0x80 != 0 else { return .failed(.unmasked) }
    let (isFinal, isCompressed) = (first & 0x80 != 0, first & 0x40 != 0)
    let short = second & 0x7F
    if opcode.isControl {
      guard isFinal else { return .failed(.fragmentedControl) }
      guard short <= 125 else { return .failed(.longControl) }
    }
    // RSV1 stands on the first frame of a message alone (RFC 7692 section 6.1).
    if isCompressed && (opcode.isControl || opcode == .continuation) { return .failed(.reservedBit) }
    var (length, maskAt) = (Int(short), 2)
    if short > 125 {
      let extended = short == 126 ? 2 : 8
      guard bytes.count >= 2 + extended else { return .incomplete }
      switch longLength(bytes, extended) {
      case .success(let long): length = long
      case .failure(let failure): return .failed(failure)
      }
      maskAt = 2 &+ extended
    }
    guard length <= maxFrame || opcode.isControl else { return .failed(.frameTooBig) }
    guard bytes.count >= maskAt &+ 4 else { return .incomplete }
    return .header(
      WebSocketFrameHeader(
        opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, length: length,
        mask: WebSocketMask(bytes.slice(maskAt, maskAt &+ 4)), count: maskAt &+ 4))
  }

  private enum LongLength {
    case success(Int)
    case failure(WebSocketFailure)
  }

  /// The length in `count` bytes, which are the shortest form that holds it.
  private static func longLength(_ bytes: Bytes, _ count: Int) -> LongLength {
    var length: UInt64 = 0
    for index in 2..<2 + count { length = length << 8 | UInt64(bytes[index]) }
    guard let value = Int(exactly: length) else { return .failure(.hugeLength) }
    return value <= (count == 2 ? 125 : 0xFFFF) ? .failure(.longLength) : .success(value)
  }
}
