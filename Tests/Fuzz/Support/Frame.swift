import HTTP

/// Frames as a client sends them (RFC 9113 section 4.1).
enum Frame {
  /// The connection's first bytes, and SETTINGS without any.
  static let preface = Array(Bytes(HTTP2Session.preface)) + frame(4, 0, 0, [])
  private static let longest = 16_384

  static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: ArraySlice<UInt8>) -> [UInt8] {
    let length = payload.count
    let head = [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags]
    return head + (0..<4).map { UInt8(truncatingIfNeeded: stream >> Int32(24 - 8 * $0)) } + payload
  }

  /// HEADERS and, in so many CONTINUATION frames at least, what does not stand in it.
  ///
  /// - Parameter first: how much of the block HEADERS has, in parts of 255.
  static func headers(
    _ stream: Int32, _ block: [UInt8], ends: Bool, first: Int, continuations: Int
  ) -> [UInt8] {
    var rest = block[...]
    let wanted = continuations == 0 ? block.count : block.count * first / 255
    let head = rest.prefix(min(wanted, longest))
    rest = rest.dropFirst(head.count)
    var left = max(continuations, (rest.count + longest - 1) / longest)
    var bytes = frame(1, (ends ? 1 : 0) | (left == 0 ? 4 : 0), stream, head)
    while left > 0 {
      let piece = rest.prefix((rest.count + left - 1) / left)
      rest = rest.dropFirst(piece.count)
      left -= 1
      bytes += frame(9, left == 0 ? 4 : 0, stream, piece)
    }
    return bytes
  }
}
