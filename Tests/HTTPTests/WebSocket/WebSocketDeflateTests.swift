import HTTP
import Memory
import Testing

/// Compressed messages (RFC 7692 section 7.2), in both directions.
@Suite struct WebSocketDeflateTests {
  private static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

  private var reading: WebSocketReading { WebSocketReading(compression: WebSocketCompression()) }

  private func expect(
    _ bytes: [UInt8], _ events: [WebSocketEvent], _ reading: WebSocketReading? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for size in [Int.max, 1, 2, 3, 5] {
      #expect(
        (reading ?? self.reading).events(bytes, pieces: size) == events, "pieces of \(size)",
        sourceLocation: sourceLocation)
    }
  }

  /// Each message deflated by one deflater.
  private func deflated(_ messages: [[UInt8]], _ compression: WebSocketCompression = WebSocketCompression())
    -> [[UInt8]]
  {
    var deflater = WebSocketDeflater(compression)
    return messages.map { message in
      var output = GrowingMemory<UInt8>(first: 16, most: 1 << 22)
      #expect(withBytes(message) { deflater.deflate($0, into: &output) })
      return copy(output.bytes)
    }
  }

  // MARK: Reading

  /// Sections 7.2.3.1 to 7.2.3.5.
  @Test func examples() {
    let hello = WebSocketDeflateTests.hello
    expect(ClientFrame.frame(0xC1, hello), [.text("Hello")])
    expect(ClientFrame.frame(0x41, Array(hello[..<3])) + ClientFrame.frame(0x80, Array(hello[3...])), [.text("Hello")])
    // The second refers to the first.
    expect(
      ClientFrame.frame(0xC1, hello) + ClientFrame.frame(0xC1, [0xF2, 0x00, 0x11, 0x00, 0x00]),
      [.text("Hello"), .text("Hello")])
    // Not compressed; with BFINAL; in two blocks.
    expect(ClientFrame.frame(0xC1, [0x00, 0x05, 0x00, 0xFA, 0xFF] + Array("Hello".utf8) + [0x00]), [.text("Hello")])
    expect(ClientFrame.frame(0xC1, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]), [.text("Hello")])
    expect(
      ClientFrame.frame(0xC1, [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00]),
      [.text("Hello")])
    // The window outlives a block with BFINAL.
    expect(
      ClientFrame.frame(0xC1, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00])
        + ClientFrame.frame(0xC1, [0xF2, 0x00, 0x11, 0x00, 0x00]), [.text("Hello"), .text("Hello")])
    // Empty (section 7.2.3.6), and as clients send it.
    expect(ClientFrame.frame(0xC1, [0x00]), [.text("")])
    expect(ClientFrame.frame(0xC1, []) + ClientFrame.frame(0xC1, hello), [.text(""), .text("Hello")])
    expect(ClientFrame.frame(0x41, []) + ClientFrame.frame(0x80, []), [.text("")])
    // Not compressed although it might be.
    expect(
      ClientFrame.frame(0xC1, hello) + ClientFrame.frame(0x81, "plain") + ClientFrame.frame(0xC1, hello),
      [.text("Hello"), .text("plain"), .text("Hello")])
  }

  @Test func controlFramesWithinAMessage() {
    let hello = WebSocketDeflateTests.hello
    expect(
      ClientFrame.frame(0x41, Array(hello[..<3])) + ClientFrame.frame(0x89, "p") + ClientFrame.frame(0x00, [])
        + ClientFrame.frame(0x80, Array(hello[3...])), [.ping([0x70]), .text("Hello")])
  }

  /// RSV1 stands on the first frame of a message alone, and only if compression was negotiated (section 6.1).
  @Test func reservedBit() {
    let hello = WebSocketDeflateTests.hello
    expect(ClientFrame.frame(0xC1, hello), [.failed(.reservedBit)], WebSocketReading())
    expect(ClientFrame.frame(0x41, hello) + ClientFrame.frame(0xC0, []), [.failed(.reservedBit)])
    for opcode: UInt8 in [0xC8, 0xC9, 0xCA] { expect(ClientFrame.frame(opcode, []), [.failed(.reservedBit)]) }
    for bit: UInt8 in [0x20, 0x10] { expect(ClientFrame.frame(0xC1 | bit, hello), [.failed(.reservedBit)]) }
  }

  @Test func malformed() {
    // A block of the reserved kind; a distance before the beginning; lengths that do not match.
    for payload: [UInt8] in [[0x07], [0xF2, 0x00, 0x11, 0x00, 0x00], [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48]] {
      expect(ClientFrame.frame(0xC1, payload), [.failed(.malformedCompression)])
    }
    // Messages that end within a block, which would swallow the next message.
    for payload: [UInt8] in [[0xF2, 0x48, 0xCD], [0x00, 0x20, 0x00, 0xDF, 0xFF, 0x48], [0x00, 0x05], [0x04]] {
      let events = reading.events(ClientFrame.frame(0xC2, payload))
      #expect(events == [.failed(.malformedCompression)], "\(payload)")
      #expect(reading.events(ClientFrame.frame(0xC2, payload), pieces: 1) == events)
    }
    #expect(WebSocketFailure.malformedCompression.code == 1007)
  }

  @Test func textIsValidated() {
    expect(ClientFrame.frame(0xC1, deflated([[0x61, 0xFF]])[0]), [.failed(.malformedText)])
    expect(ClientFrame.frame(0xC1, deflated([[0x61, 0xE2, 0x82]])[0]), [.failed(.malformedText)])
    expect(ClientFrame.frame(0xC2, deflated([[0x61, 0xFF]])[0]), [.binary([0x61, 0xFF])])
    // At once: the rest of the message is not there.
    let bad = deflated([[0xFF] + (0..<2000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31) }])[0]
    expect(Array(ClientFrame.frame(0x41, bad).prefix(1000)), [.failed(.malformedText)])
  }

  /// Without context takeover each message begins with an empty window.
  @Test func contextTakeover() {
    let messages = [Array("Hello, Hello".utf8), Array("Hello, Hello".utf8)]
    let kept = deflated(messages)
    #expect(kept[1].count < kept[0].count)
    var compression = WebSocketCompression()
    compression.serverNoContextTakeover = true
    let fresh = deflated(messages, compression)
    #expect(fresh[1] == fresh[0])
    // A client that agreed to no context and refers to it all the same.
    var agreed = WebSocketCompression()
    agreed.clientNoContextTakeover = true
    expect(
      ClientFrame.frame(0xC1, kept[0]) + ClientFrame.frame(0xC1, kept[1]),
      [.text("Hello, Hello"), .failed(.malformedCompression)], WebSocketReading(compression: agreed))
    expect(
      ClientFrame.frame(0xC1, fresh[0]) + ClientFrame.frame(0xC1, fresh[1]),
      [.text("Hello, Hello"), .text("Hello, Hello")], WebSocketReading(compression: agreed))
  }

  // MARK: Bounds

  private static func noise(_ count: Int, _ seed: Int = 3) -> [UInt8] {
    var random = SplitMix(seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  /// A message of just the size is accepted, and nothing of one that is larger is kept beyond it.
  @Test func sizes() {
    for limit in [1, 100, 4095, 4096, 4097] {
      let limits = WebSocketLimits(maxFrame: 1 << 20, maxMessage: limit)
      let reading = WebSocketReading(limits: limits, compression: WebSocketCompression())
      for make in [{ [UInt8](repeating: 0, count: $0) }, { WebSocketDeflateTests.noise($0) }] {
        let frames = { ClientFrame.frame(0xC2, deflated([make($0)])[0]) }
        for size in [10, .max] {
          #expect(reading.events(frames(limit), pieces: size) == [.binary(make(limit))])
          for more in [limit + 1, 2 * limit + 5000] {
            #expect(reading.events(frames(more), pieces: size) == [.failed(.messageTooBig)])
          }
        }
      }
    }
    // The limit of a frame is that of its size on the wire.
    let limits = WebSocketLimits(maxFrame: 100, maxMessage: 1 << 20)
    let reading = WebSocketReading(limits: limits, compression: WebSocketCompression())
    let zeros = [UInt8](repeating: 0, count: 50_000)
    #expect(reading.events(ClientFrame.frame(0xC2, deflated([zeros])[0])) == [.binary(zeros)])
    #expect(reading.events(ClientFrame.header(0xC2, 101)) == [.failed(.frameTooBig)])
  }

  @Test func ratio() {
    var limits = WebSocketLimits(maxFrame: 1 << 20, maxMessage: 1 << 20)
    limits.maxRatio = 100
    limits.freeOfRatio = 10_000
    var reading = WebSocketReading(limits: limits, compression: WebSocketCompression())
    let frames = { ClientFrame.frame(0xC2, deflated([[UInt8](repeating: 0, count: $0)])[0]) }
    expect(frames(100_000), [.failed(.ratioTooHigh)], reading)
    reading.deliversParts = true
    for size in [1, 10, .max] {
      #expect(reading.events(frames(100_000), pieces: size).last == .failed(.ratioTooHigh))
    }
    reading.deliversParts = false
    expect(frames(10_000), [.binary([UInt8](repeating: 0, count: 10_000))], reading)
    let usual = WebSocketDeflateTests.noise(20_000) + [UInt8](repeating: 0, count: 20_000)
    expect(ClientFrame.frame(0xC2, deflated([usual])[0]), [.binary(usual)], reading)
    #expect(WebSocketFailure.ratioTooHigh.code == 1009)
  }

  // MARK: Writing

  @Test func deflates() {
    // As zlib has it in section 7.2.3.1.
    #expect(
      deflated([Array("Hello".utf8), Array("Hello".utf8)]) == [
        WebSocketDeflateTests.hello, [0xF2, 0x00, 0x11, 0x00, 0x00],
      ])
    // Section 7.2.3.6.
    #expect(deflated([[], Array("Hello".utf8), [], []]) == [[0x00], WebSocketDeflateTests.hello, [0x00], [0x00]])
  }

  /// What a window is negotiated for is enough to inflate it, for each size of it.
  @Test func windows() {
    let block = WebSocketDeflateTests.noise(700)
    let message = block + block + WebSocketDeflateTests.noise(40_000, 4) + block
    for bits in 9...15 {
      var compression = WebSocketCompression()
      compression.serverWindowBits = bits
      compression.clientWindowBits = bits
      let payloads = deflated([message, message], compression)
      let reading = WebSocketReading(compression: compression)
      let frames = payloads.flatMap { ClientFrame.frame(0xC2, $0) }
      #expect(reading.events(frames, pieces: 1000) == [.binary(message), .binary(message)])
    }
    // A client whose window is larger than was agreed.
    var agreed = WebSocketCompression()
    agreed.clientWindowBits = 9
    let frames = ClientFrame.frame(0xC2, deflated([message])[0])
    #expect(WebSocketReading(compression: agreed).events(frames) == [.failed(.malformedCompression)])
  }

  /// Parts that are not final can be inflated when they arrive.
  @Test func parts() {
    var deflater = WebSocketDeflater(WebSocketCompression())
    var frames: [[UInt8]] = []
    let parts = ["The first part", ", and the second part", "", ", and the last."]
    for (index, part) in parts.enumerated() {
      var output = GrowingMemory<UInt8>(first: 16, most: 1 << 20)
      let isFinal = index == parts.count - 1
      #expect(withBytes(part) { deflater.deflate($0, isFinal: isFinal, into: &output) })
      frames.append(ClientFrame.frame((index == 0 ? 0x41 : 0) | (isFinal ? 0x80 : 0), copy(output.bytes)))
    }
    expect(frames.flatMap(\.self), [.text(parts.joined())])
    var reading = reading
    reading.deliversParts = true
    #expect(reading.events(frames[0] + frames[1]) == [.part(Array((parts[0] + parts[1]).utf8))])
  }

  @Test func outputHasABound() {
    for most in 0..<100 {
      var deflater = WebSocketDeflater(WebSocketCompression())
      var output = GrowingMemory<UInt8>(first: 1, most: most)
      let isDone = withBytes(WebSocketDeflateTests.noise(200)) { deflater.deflate($0, into: &output) }
      #expect(!isDone && output.count <= most)
    }
  }
}
