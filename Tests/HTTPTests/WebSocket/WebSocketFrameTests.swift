import HTTP
import Testing

@Suite struct WebSocketFrameTests {
  private func header(
    _ opcode: WebSocketOpcode, isFinal: Bool = true, isCompressed: Bool = false, length: Int
  ) -> [UInt8] {
    let (bytes, count) = WebSocketFrame.header(opcode, isFinal: isFinal, isCompressed: isCompressed, length: length)
    return (0..<count).map { bytes[$0] }
  }

  /// The first byte, and a length in its shortest form (RFC 6455 section 5.2).
  @Test func headers() {
    #expect(header(.text, length: 5) == [0x81, 0x05])
    #expect(header(.text, isFinal: false, length: 3) == [0x01, 0x03])
    #expect(header(.continuation, length: 2) == [0x80, 0x02])
    #expect(header(.continuation, isFinal: false, length: 0) == [0x00, 0x00])
    #expect(header(.binary, isCompressed: true, length: 7) == [0xC2, 0x07])
    #expect(header(.binary, length: 125) == [0x82, 0x7D])
    #expect(header(.binary, length: 126) == [0x82, 0x7E, 0x00, 0x7E])
    #expect(header(.binary, length: 256) == [0x82, 0x7E, 0x01, 0x00])
    #expect(header(.binary, length: 0xFFFF) == [0x82, 0x7E, 0xFF, 0xFF])
    #expect(header(.binary, length: 0x1_0000) == [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0])
    #expect(header(.binary, length: .max) == [0x82, 0x7F, 0x7F] + [UInt8](repeating: 0xFF, count: 7))
  }

  private func close(_ code: UInt16?, _ reason: [UInt8] = []) -> [UInt8] {
    withBytes(reason) { WebSocketFrame.close(code: code, reason: $0).withBytes(copy) }
  }

  @Test func closeFrames() {
    #expect(close(nil) == [0x88, 0x00])
    #expect(close(nil, Array("not sent without a code".utf8)) == [0x88, 0x00])
    #expect(close(1000) == [0x88, 0x02, 0x03, 0xE8])
    #expect(close(1012, Array("bye".utf8)) == [0x88, 0x05, 0x03, 0xF4] + Array("bye".utf8))
    let a = [UInt8](repeating: 0x61, count: 123)
    #expect(close(1000, a) == [0x88, 0x7D, 0x03, 0xE8] + a)
    #expect(close(1000, a + [0x61]) == close(1000, a))
    // Only whole characters, and only as far as it is UTF-8.
    #expect(close(1000, a.dropLast(1) + Array("é".utf8)) == close(1000, a.dropLast(1)))
    #expect(close(1000, a.dropLast(2) + Array("é".utf8)) == [0x88, 0x7D, 0x03, 0xE8] + a.dropLast(2) + Array("é".utf8))
    #expect(close(1000, [0x61, 0xFF, 0x62]) == close(1000, [0x61]))
  }

  @Test func pingsAndPongs() {
    let payload = (0..<130).map { UInt8($0) }
    for count in [0, 1, 125] {
      let bytes = Array(payload.prefix(count))
      #expect(withBytes(bytes) { WebSocketFrame.pong($0).withBytes(copy) } == [0x8A, UInt8(count)] + bytes)
      #expect(withBytes(bytes) { WebSocketFrame.ping($0).withBytes(copy) } == [0x89, UInt8(count)] + bytes)
    }
    #expect(withBytes(payload) { WebSocketFrame.ping($0).withBytes(copy) } == [0x89, 125] + payload.prefix(125))
  }

  /// Each failure has a code that may be sent, and a reason that is not cut.
  @Test func failuresAreSent() {
    for failure in WebSocketFailure.allCases {
      #expect(WebSocketCloseCode.isValid(failure.code))
      let reason = copy(Bytes(failure.reason))
      #expect(close(failure.code, reason).dropFirst(4) == reason[...])
    }
  }
}
