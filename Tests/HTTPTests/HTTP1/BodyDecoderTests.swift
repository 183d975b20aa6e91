import HTTP
import Testing

/// What the corpus cannot show: each step of the decoder, and what it says of itself between them.
@Suite struct BodyDecoderTests {
  private enum Step: Equatable {
    case needInput(consumed: Int)
    case bytes(offset: Int, length: Int)
    case end(consumed: Int, trailers: Bool)
    case refused(Refusal)
  }

  private func step(_ decoder: inout BodyDecoder, _ input: String) -> Step {
    // A pointer is needed even to no bytes at all.
    let bytes = latin1(input) + [0]
    let progress = unsafe bytes.withUnsafeBufferPointer { buffer -> BodyDecoder.Progress in
      guard let base = buffer.baseAddress else { return .needInput(consumed: 0) }
      return unsafe decoder.decode(base, count: buffer.count - 1)
    }
    return switch progress {
    case .needInput(let consumed): .needInput(consumed: consumed)
    case .bytes(let offset, let length): .bytes(offset: offset, length: length)
    case .end(let consumed, let trailers): .end(consumed: consumed, trailers: trailers)
    case .refused(let refusal): .refused(refusal)
    }
  }

  /// After a refusal nothing is consumed, whatever comes and however often; what follows is never a part of the body.
  @Test func aRefusalIsForEver() {
    var limits = RequestLimits()
    limits.body = 100
    limits.chunkExtension = 8
    let refused: [(String, Refusal)] = [
      ("5;too-long-an-extension\r\nhello\r\n", .chunkExtensionTooLong), ("5;a\u{1}b\r\nhello\r\n", .malformedChunk),
      ("65\r\n", .bodyTooLarge), ("x\r\n", .malformedChunk), ("5\n", .malformedChunk), ("5\r\nhello0", .malformedChunk),
      ("fffffffffffffff\r\n", .bodyTooLarge), ("1234567890123456\r\n", .malformedChunk), ("0\r\n\rx", .malformedChunk),
    ]
    for (text, refusal) in refused {
      var decoder = BodyDecoder(.chunked, limits: limits)
      var rest = text
      loop: while true {
        switch step(&decoder, rest) {
        case .bytes(let offset, let length):
          rest = String(String.UnicodeScalarView(rest.unicodeScalars.dropFirst(offset + length)))
        case let last:
          #expect(last == .refused(refusal), "\(text)")
          break loop
        }
      }
      for next in [rest, "0\r\n\r\n", "\r\n5\r\nhello\r\n", "GET /smuggled HTTP/1.1\r\n", ""] {
        for _ in 0..<3 { #expect(step(&decoder, next) == .refused(refusal), "\(text), then \(next)") }
      }
      #expect(!decoder.hasEnded)
    }
  }

  @Test func sizesDoNotOverflow() {
    var limits = RequestLimits()
    limits.body = .max
    var decoder = BodyDecoder(.chunked, limits: limits)
    #expect(step(&decoder, "fffffffffffffff\r\na") == .bytes(offset: 17, length: 1))
  }

  @Test func noBody() {
    for framing in [BodyFraming.none, .fixed(0)] {
      var decoder = BodyDecoder(framing, limits: RequestLimits())
      #expect(decoder.hasEnded && decoder.remainingLength == 0)
      #expect(step(&decoder, "GET /") == .end(consumed: 0, trailers: false))
      #expect(step(&decoder, "") == .end(consumed: 0, trailers: false))
    }
  }

  @Test func fixedLength() {
    var decoder = BodyDecoder(.fixed(10), limits: RequestLimits())
    #expect(!decoder.hasEnded && decoder.remainingLength == 10)
    #expect(step(&decoder, "") == .needInput(consumed: 0))
    #expect(step(&decoder, "1234") == .bytes(offset: 0, length: 4))
    #expect(!decoder.hasEnded && decoder.remainingLength == 6)
    #expect(step(&decoder, "567890GET /") == .bytes(offset: 0, length: 6))
    #expect(decoder.hasEnded && decoder.remainingLength == 0)
    #expect(step(&decoder, "GET /") == .end(consumed: 0, trailers: false))
  }

  @Test func theLargestLength() {
    var decoder = BodyDecoder(.fixed(.max), limits: RequestLimits())
    #expect(step(&decoder, "12345") == .bytes(offset: 0, length: 5))
    #expect(decoder.remainingLength == Int64.max - 5)
  }

  @Test func chunks() {
    var decoder = BodyDecoder(.chunked, limits: RequestLimits())
    #expect(!decoder.hasEnded && decoder.remainingLength == nil)
    #expect(step(&decoder, "5;a\r\nhello\r\n") == .bytes(offset: 5, length: 5))
    #expect(step(&decoder, "\r\n3\r") == .needInput(consumed: 4))
    #expect(step(&decoder, "\nab") == .bytes(offset: 1, length: 2))
    #expect(!decoder.hasEnded && decoder.remainingLength == nil)
    #expect(step(&decoder, "c\r\n0\r\n\r\nGET /") == .bytes(offset: 0, length: 1))
    #expect(step(&decoder, "\r\n0\r\n\r\nGET /") == .end(consumed: 7, trailers: false))
    #expect(decoder.hasEnded)
    #expect(step(&decoder, "GET /") == .end(consumed: 0, trailers: false))
  }

  @Test func trailersBeginBehindTheLastChunk() {
    var decoder = BodyDecoder(.chunked, limits: RequestLimits())
    #expect(step(&decoder, "0\r\nX: y\r\n\r\n") == .end(consumed: 3, trailers: true))
    // Whether there are any is not known before the next byte.
    decoder = BodyDecoder(.chunked, limits: RequestLimits())
    #expect(step(&decoder, "0\r\n") == .needInput(consumed: 3))
    #expect(step(&decoder, "X") == .end(consumed: 0, trailers: true))
    decoder = BodyDecoder(.chunked, limits: RequestLimits())
    #expect(step(&decoder, "0\r\n\r") == .needInput(consumed: 4))
    #expect(step(&decoder, "\n") == .end(consumed: 1, trailers: false))
  }

  @Test func limitOfTheBody() {
    var limits = RequestLimits()
    limits.body = 10
    for (input, refusal) in [
      ("a\r\n", nil), ("b\r\n", .bodyTooLarge), ("fffffffffffffff\r\n", .bodyTooLarge),
      ("10000000000000000", .malformedChunk),
    ] as [(String, Refusal?)] {
      var decoder = BodyDecoder(.chunked, limits: limits)
      #expect(step(&decoder, input) == refusal.map(Step.refused) ?? .needInput(consumed: input.utf8.count), "\(input)")
    }
    limits.body = 0
    var decoder = BodyDecoder(.chunked, limits: limits)
    #expect(step(&decoder, "1\r\n") == .refused(.bodyTooLarge))
    decoder = BodyDecoder(.chunked, limits: limits)
    #expect(step(&decoder, "0\r\n\r\n") == .end(consumed: 5, trailers: false))
  }

  @Test func limitOfExtensions() {
    var limits = RequestLimits()
    limits.chunkExtension = 0
    var decoder = BodyDecoder(.chunked, limits: limits)
    #expect(step(&decoder, "5;") == .refused(.chunkExtensionTooLong))
    decoder = BodyDecoder(.chunked, limits: limits)
    #expect(step(&decoder, "5 ") == .refused(.chunkExtensionTooLong))
    decoder = BodyDecoder(.chunked, limits: RequestLimits())
    #expect(step(&decoder, "5;" + String(repeating: "a", count: 1023)) == .needInput(consumed: 1025))
    #expect(step(&decoder, "a") == .refused(.chunkExtensionTooLong))
  }
}
