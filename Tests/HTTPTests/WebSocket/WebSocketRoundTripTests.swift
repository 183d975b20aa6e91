import HTTP
import Memory
import Testing

/// Random conversations: messages in random fragments, with control frames between them, in random pieces.
@Suite struct WebSocketRoundTripTests {
  /// What a client sends, and what has to be read.
  private struct Conversation {
    var bytes: [UInt8] = []
    var events: [WebSocketEvent] = []
  }

  private func key(_ random: inout SplitMix) -> [UInt8] {
    (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
  }

  private func text(_ length: Int, _ random: inout SplitMix) -> [UInt8] {
    let characters = ["a", "b", "c", " ", "é", "€", "🎉", "hello "]
    var text = ""
    while text.utf8.count < length { text += characters.randomElement(using: &random) ?? "" }
    return Array(text.utf8)
  }

  private func conversation(_ compression: WebSocketCompression?, _ random: inout SplitMix) -> Conversation {
    var conversation = Conversation()
    var deflater = WebSocketDeflater(compression ?? WebSocketCompression())
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let length = [0, 3, 40, 130, 3000, 9000][Int.random(in: 0..<6, using: &random)]
      let isText = Bool.random(using: &random)
      let message = isText ? text(length, &random) : (0..<length).map { _ in UInt8.random(in: 0...20, using: &random) }
      var payload = message
      let isCompressed = compression != nil && Bool.random(using: &random)
      if isCompressed {
        var output = GrowingMemory<UInt8>(first: 16, most: 1 << 20)
        #expect(withBytes(message) { deflater.deflate($0, into: &output) })
        payload = copy(output.bytes)
      }
      var first: UInt8 = (isText ? 0x01 : 0x02) | (isCompressed ? 0x40 : 0)
      while Bool.random(using: &random) {
        let count = Int.random(in: 0...payload.count, using: &random)
        conversation.bytes += ClientFrame.frame(first, Array(payload.prefix(count)), key: key(&random))
        payload.removeFirst(count)
        first = 0
        if Bool.random(using: &random) {
          let ping = Array(text(20, &random))
          conversation.bytes += ClientFrame.frame(0x89, ping, key: key(&random))
          conversation.events.append(.ping(ping))
        }
      }
      conversation.bytes += ClientFrame.frame(first | 0x80, payload, key: key(&random))
      conversation.events.append(isText ? .text(String(decoding: message, as: UTF8.self)) : .binary(message))
    }
    conversation.bytes += ClientFrame.close(1000, Array("bye".utf8))
    conversation.events.append(.close(1000, "bye"))
    return conversation
  }

  @Test(arguments: 0..<28) func isReadAsItWasWritten(_ seed: Int) {
    var random = SplitMix(seed)
    var compression: WebSocketCompression?
    if seed % 2 == 1 {
      var some = WebSocketCompression()
      some.serverNoContextTakeover = seed % 4 == 1
      some.clientNoContextTakeover = some.serverNoContextTakeover
      some.serverWindowBits = 9 + seed % 7
      some.clientWindowBits = some.serverWindowBits
      compression = some
    }
    let conversation = conversation(compression, &random)
    var reading = WebSocketReading(compression: compression)
    for size in [Int.max, Int.random(in: 1...20, using: &random), Int.random(in: 20...5000, using: &random)] {
      #expect(reading.events(conversation.bytes, pieces: size) == conversation.events, "pieces of \(size)")
    }
    // In parts: the same, joined.
    reading.deliversParts = true
    reading.limits.maxMessage = 5000
    #expect(joined(reading.events(conversation.bytes, pieces: 777)) == withoutPings(conversation.events))
  }

  private func withoutPings(_ events: [WebSocketEvent]) -> [WebSocketEvent] {
    events.filter { if case .ping = $0 { false } else { true } }
  }

  private func joined(_ events: [WebSocketEvent]) -> [WebSocketEvent] {
    var whole: [WebSocketEvent] = []
    var parts: [UInt8] = []
    for event in withoutPings(events) {
      switch event {
      case .part(let bytes): parts += bytes
      case .text(let last):
        whole.append(.text(String(decoding: parts + Array(last.utf8), as: UTF8.self)))
        parts = []
      case .binary(let last):
        whole.append(.binary(parts + last))
        parts = []
      default: whole.append(event)
      }
    }
    return whole
  }
}
