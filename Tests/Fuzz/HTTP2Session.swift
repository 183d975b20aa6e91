// The session of an HTTP/2 connection: it reads alike however the frames' bytes come; what it tells of a stream is in
// the order that it promises; and whatever comes, what it sends is well-formed frames, in states where they may be.
//
// An input is 9 bytes of choices, then what the client sends behind its preface. Only the low bits of the choices count,
// so that seeds are readable.
//
//   0     bit 0: two streams at most; bit 1: a small header list; bit 2: no preface is added; bit 3: output is full at
//         times; bit 4: limits of floods are small; bit 5: what follows are bytes as they are, else frames in short:
//         kind, flags, stream, length of the payload, a byte each, and the payload
//   1-4   lengths of pieces
//   5-8   what streams are answered with, in turn: see Peer+Answers
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let flags = choices.byte()
  let pieces = Arrival(&choices, moving: false)
  let answers = Array(choices.bytes(4))
  var sent: [UInt8] = flags & 4 != 0 ? [] : Array(HTTP2Session.preface)
  var saysGoodbye = flags & 32 != 0 && (0..<choices.rest.count).contains { choices.rest[$0] == goaway }
  if flags & 32 != 0 { sent.append(choices.rest) } else { sent.append(framesInShort: &choices, &saysGoodbye) }

  var settings = HTTP2Settings()
  if flags & 1 != 0 { settings.maxConcurrentStreams = 2 }
  if flags & 2 != 0 { settings.maxHeaderListSize = 200 }
  if flags & 16 != 0 {
    settings.floods.pings = 2
    settings.floods.settings = 2
    settings.floods.resets = 2
    settings.floods.resetBurst = 2
  }
  // Without answers nothing but the bytes decides what is told.
  let whole = Peer(settings).listen(to: sent, .whole)
  for arrival in [.byteByByte, pieces] {
    let other = Peer(settings).listen(to: sent, arrival)
    // The library counts a continuation for each piece of its header, and ends the connection at the ninth; and after
    // GOAWAY it reads no further piece if no stream is open.
    if other.fault == .continuationFlood || saysGoodbye { continue }
    require(other == whole, "\(arrival): \(other), whole: \(whole)")
  }
  let busy = Peer(settings)
  busy.answers = answers
  busy.isFullAtTimes = flags & 8 != 0
  _ = busy.listen(to: sent, pieces)
  return 0
}

private let goaway: UInt8 = 7

extension [UInt8] {
  fileprivate init(_ text: StaticString) { self.init(Bytes(text)) }

  fileprivate mutating func append(framesInShort choices: inout Choices, _ saysGoodbye: inout Bool) {
    while !choices.rest.isEmpty {
      let (kind, flags, stream) = (choices.byte(), choices.byte(), choices.byte())
      let payload = choices.bytes(Int(choices.byte()))
      if kind == goaway { saysGoodbye = true }
      self += [0, 0, UInt8(payload.count), kind, flags, 0, 0, 0, stream]
      append(payload)
    }
  }
}

/// What a session told of one stream, copied. Pieces of a body are put together.
struct StreamNotes: Equatable {
  var head: [CopiedField] = []
  var headEnds: Bool?
  var refusal: Refusal?
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  var hasEnded = false
  var isAnswered = false
  var closed: UInt32?
}

/// What was read of a connection.
struct ConnectionNotes: Equatable {
  var streams: [Int32: StreamNotes] = [:]
  var fault: Refusal?
}

/// A driver that holds the session to its promises.
final class Peer {
  let settings: HTTP2Settings
  var notes = ConnectionNotes()
  var streams: [Int32: PeerStream] = [:]
  /// What streams are answered with; empty: they are not.
  var answers: [UInt8] = []
  var isFullAtTimes = false
  var offers = 0
  /// Streams whose head has come, and that want an answer.
  var waiting: [Int32] = []
  var check: FrameCheck

  init(_ settings: HTTP2Settings) {
    self.settings = settings
    check = FrameCheck(mostStreams: settings.maxConcurrentStreams)
  }

  /// The session takes in `bytes` as they arrive, and says what it has to say, in between if there are answers.
  func listen(to bytes: [UInt8], _ arrival: Arrival) -> ConnectionNotes {
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    let session = unsafe HTTP2Session(settings, delegate: Peer.table, connection: this, memory: SessionMemory())
    bytes.withView { view in
      var memory = ArrivingBytes(view)
      var start = 0
      for count in arrival.counts(view.count) where notes.fault == nil {
        memory.arrive(count)
        notes.fault = session.receive(memory.bytes.dropFirst(start), second: 1)
        start = count
        if !answers.isEmpty { speak(session) }
      }
    }
    speak(session)
    for _ in 0..<3 where !answers.isEmpty {
      for id in streams.keys.sorted() { goOn(id, session) }
      speak(session)
    }
    require(notes.fault == nil || check.hasGoaway, "a fault without GOAWAY: \(String(describing: notes.fault))")
    streams = [:]
    return notes
  }

  private func speak(_ session: borrowing HTTP2Session) {
    let ids = waiting
    waiting = []
    for id in ids { answer(id, session) }
    // A full output is tried again, a bounded number of times.
    for _ in 0..<64 {
      let bytes = session.produce()
      if bytes.isEmpty { break }
      check.take(Array(bytes))
    }
    if let fault = session.takeFault() {
      notes.fault = notes.fault ?? fault
      while true {
        let bytes = session.produce()
        if bytes.isEmpty { break }
        check.take(Array(bytes))
      }
      require(check.hasGoaway, "\(fault) without GOAWAY")
    }
  }

  // MARK: The table

  nonisolated(unsafe) static let table: UnsafePointer<HTTP2SessionDelegate> = {
    let table = UnsafeMutablePointer<HTTP2SessionDelegate>.allocate(capacity: 1)
    unsafe table.initialize(
      to: HTTP2SessionDelegate(
        open: { unsafe Peer.of($0).open($1) },
        didReceive: { connection, stream, event in
          unsafe Peer.of(connection).take(
            PeerStream.of(stream), event.assumingMemoryBound(to: HTTP2Event.self).pointee)
        },
        readableBytes: { unsafe Peer.of($0).offer(PeerStream.of($1), $2, $3) },
        writeFrame: { unsafe Peer.of($0).frame(PeerStream.of($1), $2, $3) }))
    return unsafe UnsafePointer(table)
  }()

  private static func of(_ raw: UnsafeMutableRawPointer) -> Peer {
    unsafe Unmanaged<Peer>.fromOpaque(raw).takeUnretainedValue()
  }

  private func open(_ id: Int32) -> UnsafeMutableRawPointer? {
    require(id & 1 == 1 && streams[id] == nil, "stream \(id) is opened")
    require(notes.streams.keys.allSatisfy { $0 < id }, "stream \(id) after a later one")
    let open = notes.streams.values.count { $0.closed == nil }
    if open >= Int(settings.maxConcurrentStreams) { return nil }
    let stream = PeerStream(id)
    streams[id] = stream
    notes.streams[id] = StreamNotes()
    return unsafe Unmanaged.passUnretained(stream).toOpaque()
  }

  private func take(_ stream: PeerStream, _ event: HTTP2Event) {
    let id = stream.id
    guard var note = notes.streams[id] else { fatalError("an event of stream \(id), which was never opened") }
    require(note.closed == nil, "an event of stream \(id), which is closed")
    switch event {
    case .field(let field, inTrailers: false):
      require(note.headEnds == nil, "a field after the head")
      stream.reader.take(field)
    case .field(let field, inTrailers: true):
      require(note.headEnds == false && !note.hasEnded, "a field of trailers before the head or after the end")
      note.trailers.append(CopiedField(field))
    case .head(let ends):
      require(note.headEnds == nil, "two heads")
      note.headEnds = ends
      note.refusal = stream.reader.finish(ends: ends)
      note.head = CopiedField.all(stream.reader.head.fields)
      waiting.append(id)
    case .body(let bytes):
      require(note.headEnds == false && !note.hasEnded, "a body before the head or after the end")
      note.body.append(bytes)
    case .end:
      require(note.headEnds == false && !note.hasEnded, "an end before the head, or two")
      note.hasEnded = true
    case .responseEnded:
      require(stream.hasHead && !note.isAnswered, "answered without an answer, or twice")
      note.isAnswered = true
    case .closed(let code): note.closed = code
    }
    notes.streams[id] = note
  }
}
