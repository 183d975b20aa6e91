import HTTP
import Testing

/// Messages that are delivered in parts as they arrive.
@Suite struct WebSocketPartsTests {
  private var reading: WebSocketReading { WebSocketReading(deliversParts: true) }

  @Test func partsAsTheyArrive() {
    let bytes = ClientFrame.frame(0x81, "Hello")
    #expect(reading.events(bytes) == [.text("Hello")])
    #expect(
      reading.events(bytes, pieces: 8) == [.part(Array("He".utf8)), .text("llo")])
    #expect(
      reading.events(bytes, pieces: 1)
        == [.part([0x48]), .part([0x65]), .part([0x6C]), .part([0x6C]), .text("o")])
    // No part without bytes.
    #expect(reading.events(ClientFrame.frame(0x01, "")) == [])
    #expect(reading.events(ClientFrame.frame(0x01, "ab")) == [.part([0x61, 0x62])])
    #expect(
      reading.events(ClientFrame.frame(0x01, "ab") + ClientFrame.frame(0x80, ""), pieces: 8) == [
        .part([0x61, 0x62]), .text(""),
      ])
    #expect(
      reading.events(ClientFrame.frame(0x01, "a") + ClientFrame.frame(0x89, "p") + ClientFrame.frame(0x80, "b"))
        == [.ping([0x70]), .text("ab")])
  }

  /// A part of a text ends with a whole character; a part of binary data with any byte.
  @Test func partsAreText() {
    let text = "aé€🎉z"
    for size in 1...12 {
      let events = reading.events(ClientFrame.frame(0x81, text), pieces: size)
      var whole = ""
      for (index, event) in events.enumerated() {
        switch event {
        case .part(let bytes):
          #expect(!bytes.isEmpty && index < events.count - 1)
          let part = String(validating: bytes, as: UTF8.self)
          #expect(part != nil, "\(bytes)")
          whole += part ?? ""
        case .text(let last): whole += last
        default: Issue.record("\(event)")
        }
      }
      #expect(whole == text)
    }
    #expect(
      reading.events(ClientFrame.frame(0x82, "é"), pieces: 7) == [.part([0xC3]), .binary([0xA9])])
    #expect(
      reading.events(ClientFrame.frame(0x01, [0x61, 0xE2, 0x82]) + ClientFrame.frame(0x80, "")) == [
        .failed(.malformedText)
      ])
  }

  /// A part has a maximum, a message has none.
  @Test func sizes() {
    var reading = reading
    reading.limits = WebSocketLimits(maxFrame: 1000, maxMessage: 100)
    let payload = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    for frames in [
      ClientFrame.frame(0x82, payload), ClientFrame.frame(0x02, payload) + ClientFrame.frame(0x80, payload),
    ] {
      for size in [1, 99, 100, 101, .max] {
        var whole: [UInt8] = []
        for event in reading.events(frames, pieces: size) {
          switch event {
          case .part(let bytes), .binary(let bytes):
            #expect(bytes.count <= 100)
            whole += bytes
          default: Issue.record("\(event)")
          }
        }
        #expect(whole == payload || whole == payload + payload)
      }
    }
    #expect(reading.events(ClientFrame.header(0x82, 1001)) == [.failed(.frameTooBig)])
  }
}
