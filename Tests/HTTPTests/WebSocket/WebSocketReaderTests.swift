import HTTP
import Testing

/// Frames of clients (RFC 6455 section 5), each case in one piece and split at every byte.
@Suite struct WebSocketReaderTests {
  private func frame(_ first: UInt8, _ payload: String = "") -> [UInt8] { ClientFrame.frame(first, payload) }

  /// Each split has the same result.
  private func expect(
    _ bytes: [UInt8], _ events: [WebSocketEvent], _ reading: WebSocketReading = WebSocketReading(),
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(reading.events(bytes) == events, sourceLocation: sourceLocation)
    for size in [1, 2, 3, 5, 7] {
      #expect(reading.events(bytes, pieces: size) == events, "pieces of \(size)", sourceLocation: sourceLocation)
    }
    for size in stride(from: 4, to: min(bytes.count, 200), by: 1) {
      #expect(reading.events(bytes, pieces: size) == events, "pieces of \(size)", sourceLocation: sourceLocation)
    }
  }

  /// The examples of section 5.7.
  @Test func examples() {
    expect([0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58], [.text("Hello")])
    expect(frame(0x01, "Hel") + frame(0x80, "lo"), [.text("Hello")])
    expect(frame(0x89, "Hello") + frame(0x8A, "Hello"), [.ping(Array("Hello".utf8)), .pong(Array("Hello".utf8))])
    let binary = (0..<256).map { UInt8($0) }
    expect(ClientFrame.frame(0x82, binary), [.binary(binary)])
    let large = [UInt8](repeating: 0xA5, count: 1 << 16)
    #expect(WebSocketReading().events(ClientFrame.frame(0x82, large)) == [.binary(large)])
    #expect(WebSocketReading().events(ClientFrame.frame(0x82, large), pieces: 4093) == [.binary(large)])
  }

  @Test func emptyMessages() {
    expect(frame(0x81) + frame(0x82) + frame(0x89), [.text(""), .binary([]), .ping([])])
    expect(frame(0x01) + frame(0x00) + frame(0x80), [.text("")])
  }

  /// Lengths on both sides of each change of the form (section 5.2).
  @Test func lengths() {
    for length in [1, 125, 126, 127, 128, 0xFFFF, 0x1_0000, 0x1_0001] {
      let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      for size in [length / 100 + 1, 1000, .max] {
        #expect(WebSocketReading().events(ClientFrame.frame(0x82, payload), pieces: size) == [.binary(payload)])
      }
    }
  }

  @Test func controlFramesWithinAMessage() {
    expect(
      frame(0x01, "a") + frame(0x89, "p") + frame(0x00, "b") + frame(0x8A, "q") + frame(0x80, "c"),
      [.ping([0x70]), .pong([0x71]), .text("abc")])
    expect(frame(0x01, "a") + ClientFrame.close(1000), [.close(1000, "")])
  }

  @Test func protocolErrors() {
    for bit: UInt8 in [0x40, 0x20, 0x10, 0x70] {
      for opcode: UInt8 in [0x81, 0x82, 0x89, 0x8A, 0x88, 0x80] {
        expect(frame(opcode | bit, ""), [.failed(.reservedBit)])
      }
    }
    for opcode: UInt8 in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
      expect(frame(0x80 | opcode, "x"), [.failed(.reservedOpcode)])
    }
    expect([0x81, 0x05] + Array("Hello".utf8), [.failed(.unmasked)])
    for opcode: UInt8 in [0x08, 0x09, 0x0A] { expect(frame(opcode, "x"), [.failed(.fragmentedControl)]) }
    for opcode: UInt8 in [0x88, 0x89, 0x8A] {
      expect(ClientFrame.frame(opcode, [UInt8](repeating: 0x61, count: 126)), [.failed(.longControl)])
      expect(ClientFrame.frame(opcode, [UInt8](repeating: 0x61, count: 1 << 16)), [.failed(.longControl)])
    }
    expect(frame(0x80, "x"), [.failed(.unexpectedContinuation)])
    expect(frame(0x00, "x"), [.failed(.unexpectedContinuation)])
    expect(frame(0x81, "x") + frame(0x80, "x"), [.text("x"), .failed(.unexpectedContinuation)])
    for opcode: UInt8 in [0x01, 0x02, 0x81, 0x82] {
      expect(frame(0x01, "x") + frame(opcode, "x"), [.failed(.interruptedMessage)])
    }
    for failure in WebSocketFailure.allCases.prefix(while: { $0 != .malformedText }) { #expect(failure.code == 1002) }
  }

  @Test func lengthsAreInTheirShortestForm() {
    for length in [0, 1, 125] {
      expect([0x82, 0xFE] + ClientFrame.bigEndian(length, 2) + ClientFrame.key, [.failed(.longLength)])
    }
    for length in [0, 125, 126, 0xFFFF] {
      expect([0x82, 0xFF] + ClientFrame.bigEndian(length, 8) + ClientFrame.key, [.failed(.longLength)])
    }
    expect([0x82, 0xFF, 0x80] + [UInt8](repeating: 0, count: 7) + ClientFrame.key, [.failed(.hugeLength)])
    expect([0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8) + ClientFrame.key, [.failed(.hugeLength)])
  }

  /// Before any payload has arrived.
  @Test func sizes() {
    let reading = WebSocketReading(limits: WebSocketLimits(maxFrame: 200, maxMessage: 300))
    let x = { [UInt8](repeating: 0x78, count: $0) }
    expect(ClientFrame.frame(0x82, x(200)), [.binary(x(200))], reading)
    expect(ClientFrame.header(0x82, 201), [.failed(.frameTooBig)], reading)
    expect(ClientFrame.header(0x82, 1 << 20), [.failed(.frameTooBig)], reading)
    expect([0x82, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7), [.failed(.frameTooBig)], reading)
    expect(ClientFrame.frame(0x02, x(200)) + ClientFrame.frame(0x80, x(100)), [.binary(x(300))], reading)
    expect(ClientFrame.frame(0x02, x(200)) + ClientFrame.header(0x80, 101), [.failed(.messageTooBig)], reading)
    // With the payload there, too, and with either limit below the other.
    for (maxFrame, maxMessage, failure) in [(50, 100, WebSocketFailure.frameTooBig), (100, 50, .messageTooBig)] {
      let limits = WebSocketLimits(maxFrame: maxFrame, maxMessage: maxMessage)
      let reading = WebSocketReading(limits: limits, spareMemory: 1000)
      for first: UInt8 in [0x81, 0x82] {
        expect(ClientFrame.frame(first, x(51)), [.failed(failure)], reading)
        expect(ClientFrame.header(first, 51), [.failed(failure)], reading)
      }
      expect(ClientFrame.frame(0x82, x(50)), [.binary(x(50))], reading)
    }
    // Pings have a limit of their own, and each message has the whole one.
    let small = WebSocketReading(limits: WebSocketLimits(maxFrame: 1, maxMessage: 1))
    expect(
      frame(0x81, "a") + frame(0x89, "hello") + frame(0x81, "b"), [.text("a"), .ping(Array("hello".utf8)), .text("b")],
      small)
    #expect(WebSocketFailure.frameTooBig.code == 1009 && WebSocketFailure.messageTooBig.code == 1009)
  }

  /// What follows a failure is not read.
  @Test func aFailureIsForEver() {
    var reader = WebSocketReader(WebSocketLimits(maxFrame: 100, maxMessage: 100))
    var message = GrowingMemory<UInt8>(first: 16, most: 100)
    for bytes in [frame(0x83, "x"), frame(0x81, "x"), []] {
      let step = withBytes(bytes) { reader.read($0, into: &message).step }
      guard case .failed(.reservedOpcode) = step else {
        Issue.record("\(step)")
        return
      }
    }
    #expect(message.count == 0)
  }

  // MARK: Text

  @Test func text() {
    let text = "κόσμε \u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\u{D7FF}\u{E000} and a good deal of ASCII 🎉"
    expect(frame(0x81, text), [.text(text)])
    let bytes = Array(text.utf8)
    for cut in 0...bytes.count {
      let both = ClientFrame.frame(0x01, Array(bytes[..<cut])) + ClientFrame.frame(0x80, Array(bytes[cut...]))
      #expect(WebSocketReading().events(both) == [.text(text)])
      #expect(WebSocketReading().events(both, pieces: 1) == [.text(text)])
    }
  }

  static let malformed: [[UInt8]] = [
    [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xFE], [0xE0, 0x80, 0x80],
    [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
    [0xF4, 0x90, 0x80, 0x80], [0xC3, 0x28], [0xE2, 0x28], [0xE2, 0x82, 0x28], [0xF0, 0x9F, 0x28],
    [0xF0, 0x9F, 0x8E, 0x28],
    [0xC3, 0xC3],
  ]

  /// A malformed sequence fails at its last byte, with the rest of the frame, and of the message, still to come.
  @Test(arguments: malformed) func malformedTextFailsAtOnce(_ sequence: [UInt8]) {
    for before in ["", "a", "0123456789abcdef", "κόσμε", "🎉🎉🎉🎉"] {
      let start = Array(before.utf8) + sequence
      for first: UInt8 in [0x81, 0x01] {
        let bytes = ClientFrame.header(first, 120) + ClientFrame.masked(start, key: ClientFrame.key)
        expect(bytes, [.failed(.malformedText)])
      }
      #expect(String(validating: start, as: UTF8.self) == nil)
    }
    #expect(WebSocketFailure.malformedText.code == 1007)
  }

  @Test func textThatEndsWithinACharacter() {
    for sequence: [UInt8] in [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x8E], [0xF0]] {
      expect(ClientFrame.frame(0x81, sequence), [.failed(.malformedText)])
      expect(ClientFrame.frame(0x01, sequence) + frame(0x80), [.failed(.malformedText)])
      // It may still become a character.
      expect(ClientFrame.frame(0x01, sequence), [])
      expect(ClientFrame.frame(0x82, sequence), [.binary(sequence)])
    }
  }

  // MARK: Close

  @Test func close() {
    expect(frame(0x88), [.close(1005, "")])
    expect(ClientFrame.close(1000), [.close(1000, "")])
    expect(ClientFrame.close(1001, Array("går bort".utf8)), [.close(1001, "går bort")])
    expect(
      ClientFrame.close(4999, [UInt8](repeating: 0x61, count: 123)), [.close(4999, String(repeating: "a", count: 123))])
    expect(frame(0x88, "\u{3}"), [.failed(.malformedClose)])
    expect(ClientFrame.close(1000, [0xCE, 0xBA, 0xE1]), [.failed(.malformedCloseReason)])
    expect(ClientFrame.close(1000, [0xFF]), [.failed(.malformedCloseReason)])
    #expect(WebSocketFailure.malformedCloseReason.code == 1007)
    // What comes after it is ignored.
    expect(ClientFrame.close(1000) + frame(0x81, "x") + [0xFF, 0xFF], [.close(1000, "")])
  }

  @Test func closeCodes() {
    let valid = Set<UInt16>([1000, 1001, 1002, 1003] + (1007...1014) + (3000...4999))
    for code in UInt16.min...UInt16.max { #expect(WebSocketCloseCode.isValid(code) == valid.contains(code)) }
    for code: UInt16 in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
      expect(ClientFrame.close(code), [.failed(.invalidCloseCode)])
    }
    for code: UInt16 in [1000, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999] {
      expect(ClientFrame.close(code), [.close(code, "")])
    }
  }
}
