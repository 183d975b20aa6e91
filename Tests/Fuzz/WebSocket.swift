// The reader of a client's frames, and what inflates its messages: frames are read alike however their bytes come, and
// whether messages are delivered whole or in parts; what is not compressed, a plain reader reads alike; and messages that
// are written again are read again.
//
// An input is 7 bytes of choices, then the frames. Only the low bits of the choices count, so that seeds are readable.
//
//   0     bits 0 to 2: the client's window, from 9 bits, if bit 3: compression; bit 4: no context of the client's;
//         bit 5: the limits below instead of large ones
//   1-4   lengths of pieces
//   5-6   limits: frame (4-byte steps), message (8-byte steps)
import HTTP
import Memory

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let flags = choices.byte()
  let pieces = Arrival(&choices, moving: true)
  var reader = FrameReader()
  if flags & 8 != 0 {
    var compression = WebSocketCompression()
    compression.clientWindowBits = 9 + Int(flags & 7) % 7
    compression.serverWindowBits = compression.clientWindowBits
    compression.clientNoContextTakeover = flags & 16 != 0
    compression.serverNoContextTakeover = compression.clientNoContextTakeover
    reader.compression = compression
  }
  let wanted = choices.bytes(2)
  if flags & 32 != 0 && wanted.count == 2 {
    reader.limits = WebSocketLimits(maxFrame: 4 * Int(wanted[0]), maxMessage: 8 * Int(wanted[1]))
    reader.limits.freeOfRatio = 100
    reader.limits.maxRatio = 10
  }
  let frames = Array(choices.rest)
  let events = reader.read(choices.rest, .whole)
  for arrival in [.byteByByte, pieces] {
    let other = reader.read(choices.rest, arrival)
    require(other == events, "\(arrival): \(other), whole: \(events)")
  }
  reader.compareWithPlainReading(frames, events)
  reader.readInParts(choices.rest, pieces, events)
  reader.writeAndReadAgain(events)
  return 0
}

/// What was read, copied.
enum FrameEvent: Equatable {
  case message(isText: Bool, [UInt8])
  case part(isText: Bool, [UInt8])
  case ping([UInt8])
  case pong([UInt8])
  case close(UInt16, [UInt8])
  case failed(WebSocketFailure)
}

struct FrameReader {
  var limits = WebSocketLimits(maxFrame: 1 << 16, maxMessage: 1 << 16)
  var compression: WebSocketCompression?
  var deliversParts = false

  func read(_ bytes: Bytes, _ arrival: Arrival) -> [FrameEvent] {
    var memory = ArrivingBytes(bytes)
    var reader = WebSocketReader(limits, compression: compression)
    reader.deliversParts = deliversParts
    var message = GrowingMemory<UInt8>(first: 8, most: max(16, limits.maxMessage))
    var events: [FrameEvent] = []
    var start = 0
    for count in arrival.counts(bytes.count) {
      memory.arrive(count)
      guard read(memory.bytes, &start, &reader, &message, &events) else { return events }
      if arrival.moves {
        memory = ArrivingBytes(bytes)
        memory.arrive(count)
      }
    }
    return events
  }

  /// Reads all that has come, from `start`; false after a failure.
  private func read(
    _ bytes: Bytes, _ start: inout Int, _ reader: inout WebSocketReader, _ message: inout GrowingMemory<UInt8>,
    _ events: inout [FrameEvent]
  ) -> Bool {
    while true {
      let (consumed, step) = reader.read(bytes.dropFirst(start), into: &message)
      require(consumed >= 0 && consumed <= bytes.count - start, "\(consumed) bytes consumed")
      require(message.count <= max(16, limits.maxMessage), "\(message.count) bytes of a message")
      start += consumed
      switch step {
      case .incomplete:
        require(start == bytes.count, "more is needed with \(bytes.count - start) bytes left")
        return true
      case .message(let kind):
        events.append(.message(isText: kind == .text, Array(message.bytes)))
        message.empty(keeping: 16)
      case .part(let kind):
        require(deliversParts && message.count > 0, "a part that was not asked for, or is empty")
        events.append(.part(isText: kind == .text, Array(message.bytes)))
        message.empty(keeping: 16)
      case .ping: events.append(.ping(reader.withControlPayload { Array($0) }))
      case .pong: events.append(.pong(reader.withControlPayload { Array($0) }))
      case .close(let code, let hasCode):
        let reason = reader.withCloseReason { Array($0) }
        require(hasCode == (code != 1005) && isUTF8(reason), "close \(code) \(reason)")
        events.append(.close(code, reason))
      case .failed(let failure):
        require(WebSocketCloseCode.isValid(failure.code), "\(failure) is closed with \(failure.code)")
        events.append(.failed(failure))
        return false
      }
    }
  }

  // MARK: In parts

  /// The parts of a message together are the message; parts of a text are UTF-8.
  func readInParts(_ bytes: Bytes, _ pieces: Arrival, _ events: [FrameEvent]) {
    var other = self
    other.deliversParts = true
    // No message is too large for parts, and compressed ones fail where they are too large first.
    if events.last == .failed(.messageTooBig) { return }
    for arrival in [.whole, .byteByByte, pieces] {
      var joined: [FrameEvent] = []
      var parts: [UInt8] = []
      for event in other.read(bytes, arrival) {
        switch event {
        case .part(let isText, let part):
          require(!isText || isUTF8(part), "part of a text: \(part)")
          parts += part
        case .message(let isText, let last):
          require(!isText || isUTF8(last), "last part of a text: \(last)")
          joined.append(.message(isText: isText, parts + last))
          parts = []
        default: joined.append(event)
        }
      }
      require(joined == events, "in parts, \(arrival): \(joined), whole: \(events)")
    }
  }

  // MARK: Written again

  /// Each message in one frame, and compressed if that was negotiated.
  func writeAndReadAgain(_ events: [FrameEvent]) {
    let messages = events.filter { if case .message = $0 { true } else { false } }
    var second = self
    second.limits = WebSocketLimits(maxFrame: 1 << 20, maxMessage: 1 << 16)
    var deflater = WebSocketDeflater(compression ?? WebSocketCompression(), level: 1)
    var bytes: [UInt8] = []
    for case .message(let isText, let message) in messages {
      let opcode = isText ? WebSocketOpcode.text : .binary
      guard compression != nil else {
        bytes += FrameReader.frame(opcode, message, isCompressed: false)
        continue
      }
      var output = GrowingMemory<UInt8>(first: 8, most: 1 << 20)
      let isDone = message.withView { deflater.deflate($0, into: &output) }
      require(isDone, "not deflated")
      bytes += FrameReader.frame(opcode, Array(output.bytes), isCompressed: true)
    }
    let again = bytes.withView { second.read($0, .whole) }
    require(again == messages, "written again: \(again), first: \(messages)")
  }

  /// A server's header with a mask put into it, and the payload masked.
  private static func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], isCompressed: Bool) -> [UInt8] {
    let (header, count) = WebSocketFrame.header(opcode, isCompressed: isCompressed, length: payload.count)
    let key: [UInt8] = [0x12, 0x00, 0xFF, 0x81]
    var bytes = (0..<count).map { header[$0] }
    bytes[1] |= 0x80
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
  }
}

func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }
