import HTTP
import Testing

/// The session by itself: frames in, calls of the driver; answers in, frames out.
@Suite struct HTTP2SessionTests {
  // MARK: Frames

  static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
    [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), kind, flags, 0, 0, 0, stream] + payload
  }

  static let hello = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, 0, 0)
  /// `GET http://a/`, of indexed fields and one literal.
  static let get: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]
  static let post: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, 0x61]

  private func receive(_ session: borrowing HTTP2Session, _ bytes: [UInt8], second: UInt64 = 1) -> Refusal? {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      session.receive(unsafe Bytes(base: buffer.baseAddress, count: buffer.count), second: second)
    }
  }

  /// Everything that the session has to send, as (kind, flags, stream, payload) of each frame.
  private func sent(_ session: borrowing HTTP2Session) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    while true {
      let bytes = session.produce()
      if bytes.isEmpty { return frames }
      var rest = (0..<bytes.count).map { bytes[$0] }
      while rest.count >= 9 {
        let length = Int(rest[0]) << 16 | Int(rest[1]) << 8 | Int(rest[2])
        frames.append([rest[3], rest[4], rest[8]] + rest[9..<(9 + length)])
        rest.removeFirst(9 + length)
      }
    }
  }

  private func section(_ status: UInt32, _ fields: [(StaticString, StaticString)], _ use: (Bytes) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) { memory in
      var writer = unsafe ByteWriter(base: memory.baseAddress!, capacity: memory.count)
      FieldSection.begin(status: status, fields: fields.count, to: &writer)
      for (name, value) in fields { FieldSection.append(name: Bytes(name), value: Bytes(value), to: &writer) }
      use(unsafe Bytes(base: memory.baseAddress, count: writer.count))
    }
  }

  // MARK: Input

  @Test func aRequestInAnyPieces() {
    let bytes = Self.hello + Self.frame(1, 4, 1, Self.post) + Self.frame(0, 1, 1, Array("body".utf8))
    for size in [1, 2, 7, 24, bytes.count] {
      let recorder = Recorder()
      recorder.withSession { session in
        for start in stride(from: 0, to: bytes.count, by: size) {
          let fault = receive(session, Array(bytes[start..<min(start + size, bytes.count)]))
          #expect(fault == nil)
        }
        #expect(recorder.opened == [1])
        let body = recorder.notes.compactMap { if case .body(let text) = $0 { text } else { nil } }.joined()
        #expect(body == "body")
        #expect(
          recorder.notes.prefix(5) == [
            .field(":method", "POST", inTrailers: false), .field(":scheme", "http", inTrailers: false),
            .field(":path", "/", inTrailers: false), .field(":authority", "a", inTrailers: false), .head(ends: false),
          ])
        #expect(recorder.notes.last == .end(trailers: false))
      }
    }
  }

  /// The bound on CONTINUATION frames counts frames, not the pieces in which their headers come.
  @Test(arguments: 1...10) func aHeadInManyFramesAndPieces(_ size: Int) {
    let frames = [Self.frame(1, 1, 1, Self.get)] + Array(repeating: Self.frame(9, 0, 1), count: 2)
    let bytes = Self.hello + frames.joined() + Self.frame(9, 4, 1, [0, 1, 0x78, 1, 0x31])
    let recorder = Recorder()
    recorder.withSession { session in
      for start in stride(from: 0, to: bytes.count, by: size) {
        #expect(receive(session, Array(bytes[start..<min(start + size, bytes.count)])) == nil)
      }
      #expect(recorder.notes.contains(.field("x", "1", inTrailers: false)))
      #expect(recorder.notes.last == .head(ends: true))
    }
  }

  @Test func trailersEndTheRequest() {
    let recorder = Recorder()
    recorder.withSession { session in
      _ = receive(session, Self.hello + Self.frame(1, 4, 1, Self.post) + Self.frame(1, 5, 1, [0, 1, 0x78, 1, 0x31]))
      #expect(recorder.notes.suffix(2) == [.field("x", "1", inTrailers: true), .end(trailers: true)])
    }
  }

  @Test func aStreamThatTheDriverRefuses() {
    let recorder = Recorder()
    recorder.refuses = true
    recorder.withSession { session in
      _ = receive(session, Self.hello + Self.frame(1, 5, 1, Self.get))
      let frames = sent(session)
      #expect(frames.contains([3, 0, 1, 0, 0, 0, 7]))
      #expect(recorder.notes.isEmpty)
    }
  }

  @Test func windowsOpenWithCreditAlone() {
    let recorder = Recorder()
    recorder.withSession { session in
      let data = Self.frame(0, 0, 1, [UInt8](repeating: 0x61, count: 16_000))
      _ = receive(session, Self.hello + Self.frame(1, 4, 1, Self.post) + data + data + data)
      let before = sent(session)
      #expect(!before.contains { $0[0] == 8 && $0[2] == 1 })
      session.credit(1, 48_000)
      let after = sent(session)
      #expect(after.contains { $0[0] == 8 && $0[2] == 1 })
    }
  }

  // MARK: Answers

  @Test func informationalBlocksDoNotEndTheStream() {
    let recorder = Recorder()
    recorder.withSession { session in
      _ = receive(session, Self.hello + Self.frame(1, 5, 1, Self.get))
      _ = sent(session)
      section(103, [("Link", "</a>")]) { session.informational(1, $0) }
      section(103, [("link", "</b>")]) { session.informational(1, $0) }
      let hints = sent(session)
      #expect(hints.map { Array($0[..<3]) } == [[1, 4, 1], [1, 4, 1]])
      section(200, []) { session.head(1, $0, ends: true) }
      let head = sent(session)
      #expect(head.map { Array($0[..<3]) } == [[1, 5, 1]])
      #expect(recorder.notes.suffix(2) == [.answered, .closed(code: 0)])
    }
  }

  @Test func aLargeBlockIsContinued() {
    let recorder = Recorder()
    recorder.withSession { session in
      _ = receive(session, Self.hello + Self.frame(1, 5, 1, Self.get))
      _ = sent(session)
      let value = [UInt8](repeating: 0x7E, count: 20_000)
      unsafe value.withUnsafeBufferPointer { value in
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 21_000) { memory in
          var writer = unsafe ByteWriter(base: memory.baseAddress!, capacity: memory.count)
          FieldSection.begin(status: 103, fields: 1, to: &writer)
          FieldSection.append(
            name: Bytes("x"), value: unsafe Bytes(base: value.baseAddress, count: value.count), to: &writer)
          session.informational(1, unsafe Bytes(base: memory.baseAddress, count: writer.count))
        }
      }
      let frames = sent(session)
      #expect(frames.map { Array($0[..<3]) } == [[1, 0, 1], [9, 4, 1]])
    }
  }

  @Test func bodiesWaitForRoomAndForMore() {
    let recorder = Recorder()
    recorder.withSession { session in
      _ = receive(session, Self.hello + Self.frame(1, 5, 1, Self.get))
      _ = sent(session)
      recorder.isWhole = false
      section(200, []) { session.head(1, $0, ends: false) }
      let head = sent(session)
      #expect(head.map { Array($0[..<3]) } == [[1, 4, 1]])
      #expect(recorder.output.isEmpty)
      recorder.body = Array("body".utf8)
      recorder.isWhole = true
      recorder.isFull = true
      session.resume(1)
      _ = sent(session)
      #expect(recorder.output.isEmpty)
      recorder.isFull = false
      _ = sent(session)
      #expect(recorder.output == Self.frame(0, 1, 1, Array("body".utf8)))
      #expect(recorder.notes.suffix(2) == [.answered, .closed(code: 0)])
    }
  }

  // MARK: Faults

  @Test(arguments: [
    (Refusal.resetFlood, frame(1, 5, 1, get) + frame(3, 0, 1, [0, 0, 0, 8]), 1),
    (.settingsFlood, frame(4, 0, 0), 200), (.pingFlood, frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), 200),
    (.priorityFlood, frame(2, 0, 1, [0, 0, 0, 0, 1]), 200), (.priorityFlood, frame(0x42, 0, 0), 200),
    (.windowUpdateFlood, frame(8, 0, 0, [0, 0, 0, 1]), 200),
    (.malformedFrame, frame(0, 0, 0, [1]), 1), (.malformedFrame, frame(2, 0, 0, [0, 0, 0, 0, 1]), 1),
  ])
  func faults(expected: Refusal, bytes: [UInt8], times: Int) {
    let recorder = Recorder()
    var settings = HTTP2Settings()
    if expected == .resetFlood { (settings.floods.resets, settings.floods.resetBurst) = (0, 0) }
    recorder.withSession(settings) { session in
      var fault = receive(session, Self.hello)
      for _ in 0..<times where fault == nil {
        fault = receive(session, bytes)
        let frames = sent(session)
        if fault == nil { fault = session.takeFault() }
        if fault == nil { continue }
        let all = frames + sent(session)
        #expect(all.contains { $0[0] == 7 })
      }
      #expect(fault == expected)
      let isOver = session.isOver
      #expect(isOver)
    }
  }

  @Test func aSecondBeginsAnew() {
    let recorder = Recorder()
    recorder.withSession { session in
      _ = receive(session, Self.hello)
      for second in 1..<20 as Range<UInt64> {
        for _ in 0..<60 {
          let fault = receive(session, Self.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), second: second)
          #expect(fault == nil)
          _ = sent(session)
        }
      }
    }
  }
}
