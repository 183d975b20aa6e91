/// Writes the frames of a server (RFC 6455 section 5.2), which are not masked.
@usableFromInline
package enum WebSocketFrame {
  /// The length of the longest header.
  package static var longestHeader: Int { 10 }
  /// The length of the longest payload of a control frame (section 5.5).
  package static var longestControl: Int { 125 }
  /// The length of the longest reason in a Close frame, after its code.
  package static var longestReason: Int { longestControl - 2 }

  /// The header of a frame, which its payload follows.
  ///
  /// - Parameters:
  ///   - opcode: that of the message for its first frame, `continuation` for all others.
  ///   - isFinal: the last frame of the message.
  ///   - isCompressed: the message is compressed; only for its first frame (RFC 7692 section 6.1).
  ///   - length: the length of the payload.
  /// - Returns: the header is the first `count` bytes.
  @inlinable
  @inline(__always)
  package static func header(
    _ opcode: WebSocketOpcode, isFinal: Bool = true, isCompressed: Bool = false, length: Int
  ) -> (bytes: InlineArray<10, UInt8>, count: Int) {
    var bytes = InlineArray<10, UInt8>(repeating: 0)
    bytes[0] = opcode.rawValue | (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0)
    switch length {
    case ...125:
      bytes[1] = UInt8(truncatingIfNeeded: length)
      return (bytes, 2)
    case ...0xFFFF:
      bytes[1] = 126
      bytes[2] = UInt8(truncatingIfNeeded: length &>> 8)
      bytes[3] = UInt8(truncatingIfNeeded: length)
      return (bytes, 4)
    default:
      bytes[1] = 127
      for index in 0..<8 { bytes[2 &+ index] = UInt8(truncatingIfNeeded: length &>> (56 &- 8 &* index)) }
      return (bytes, 10)
    }
  }

  /// A Close frame.
  ///
  /// - Parameters:
  ///   - code: `WebSocketCloseCode.isValid`; nil for a frame without code and reason.
  ///   - reason: is cut where it is not UTF-8, and after the last character within `longestReason`.
  package static func close(code: UInt16?, reason: Bytes = .empty) -> WebSocketControlFrame {
    var frame = WebSocketControlFrame(.close)
    guard let code else { return frame }
    frame.append(UInt8(truncatingIfNeeded: code >> 8))
    frame.append(UInt8(truncatingIfNeeded: code))
    frame.append(reason.slice(0, UTF8Validator.validPrefix(reason, limit: longestReason)))
    return frame
  }

  /// A ping, or a pong with the payload of the ping that it answers (section 5.5.3).
  ///
  /// - Parameter payload: is cut after `longestControl` bytes.
  package static func ping(_ payload: Bytes = .empty) -> WebSocketControlFrame { control(.ping, payload) }
  package static func pong(_ payload: Bytes = .empty) -> WebSocketControlFrame { control(.pong, payload) }

  private static func control(_ opcode: WebSocketOpcode, _ payload: Bytes) -> WebSocketControlFrame {
    var frame = WebSocketControlFrame(opcode)
    frame.append(payload.slice(0, min(payload.count, longestControl)))
    return frame
  }
}

/// A whole control frame: two bytes of header, and at most 125 of payload (RFC 6455 section 5.5).
package struct WebSocketControlFrame: Sendable {
  private var bytes = InlineArray<127, UInt8>(repeating: 0)
  package private(set) var count = 2

  fileprivate init(_ opcode: WebSocketOpcode) { bytes[0] = 0x80 | opcode.rawValue }

  fileprivate mutating func append(_ byte: UInt8) {
    bytes[count] = byte
    count += 1
    bytes[1] += 1
  }

  fileprivate mutating func append(_ payload: Bytes) {
    for index in 0..<payload.count { append(payload[index]) }
  }

  /// Calls `body` with the frame, valid until it returns.
  package func withBytes<Result>(_ body: (Bytes) -> Result) -> Result {
    unsafe bytes.span.withUnsafeBufferPointer { buffer in
      body(unsafe Bytes(base: buffer.baseAddress, count: count))
    }
  }
}
