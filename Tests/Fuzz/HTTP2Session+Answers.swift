import HTTP

/// A stream of the connection, with its answer as far as it is not framed.
@safe
final class PeerStream {
  let id: Int32
  private let storage: UnsafeMutablePointer<Field>
  var reader: StreamHeadReader
  var body: [UInt8] = []
  var isWhole = true
  var trailers = false
  /// A final head has been submitted.
  var hasHead = false

  init(_ id: Int32) {
    self.id = id
    var limits = RequestLimits()
    limits.fields = 8
    unsafe storage = .allocate(capacity: limits.fields + 1)
    reader = unsafe StreamHeadReader(limits: limits, underscores: .refuse, storage: storage)
  }

  deinit { unsafe storage.deallocate() }

  static func of(_ raw: UnsafeMutableRawPointer) -> PeerStream {
    unsafe Unmanaged<PeerStream>.fromOpaque(raw).takeUnretainedValue()
  }
}

// What the streams are answered with, by the low three bits of a choice: nothing, a head, hints before one, a body,
// a body and trailers, a body that goes on later, a reset, hints alone. Bit 3: the request's body is credited.
extension Peer {
  func answer(_ id: Int32, _ session: borrowing HTTP2Session) {
    guard !answers.isEmpty, let stream = streams[id], let note = notes.streams[id] else { return }
    let choice = answers[Int(id / 2) % answers.count]
    if choice & 8 != 0 { session.credit(id, note.body.count) }
    let kind = choice & 7
    if kind == 2 || kind == 7 {
      for _ in 0..<2 { Peer.withSection(103) { session.informational(id, $0) } }
    }
    switch kind {
    case 1, 2: head(stream, session, ends: true)
    case 3, 4, 5:
      stream.body = [UInt8](repeating: choice, count: Int(choice) * 300)
      stream.trailers = kind == 4
      stream.isWhole = kind != 5
      head(stream, session, ends: false)
    case 6: session.reset(id, .internalError)
    default: break
    }
  }

  /// Whatever waits goes on.
  func goOn(_ id: Int32, _ session: borrowing HTTP2Session) {
    guard let stream = streams[id], notes.streams[id]?.closed == nil else { return }
    stream.isWhole = true
    session.credit(id, notes.streams[id]?.body.count ?? 0)
    if stream.hasHead { session.resume(id) } else { head(stream, session, ends: true) }
  }

  private func head(_ stream: PeerStream, _ session: borrowing HTTP2Session, ends: Bool) {
    // As a driver, which does not answer what is closed.
    if notes.streams[stream.id]?.closed != nil { return }
    stream.hasHead = true
    Peer.withSection(200) { session.head(stream.id, $0, ends: ends) }
  }

  static func withSection(_ status: UInt32, _ use: (Bytes) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { memory in
      var writer = unsafe ByteWriter(base: memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
      FieldSection.begin(status: status, fields: 1, to: &writer)
      FieldSection.append(name: Bytes("Link"), value: Bytes("</a>; rel=preload"), to: &writer)
      use(unsafe Bytes(base: memory.baseAddress, count: writer.count))
    }
  }

  func offer(_ stream: PeerStream, _ limit: Int, _ end: UnsafeMutablePointer<UInt8>) -> Int {
    require(limit >= 0, "an offer of \(limit)")
    let count = min(limit, stream.body.count)
    guard stream.isWhole && count == stream.body.count else {
      unsafe end.pointee = HTTP2BodyEnd.open.rawValue
      return count
    }
    unsafe end.pointee = (stream.trailers ? HTTP2BodyEnd.trailers : .stream).rawValue
    return count
  }

  func frame(_ stream: PeerStream, _ header: UnsafePointer<UInt8>, _ length: Int) -> Int32 {
    offers += 1
    if isFullAtTimes && offers % 3 == 1 { return 0 }
    require(length <= stream.body.count, "a frame of \(length) bytes, where \(stream.body.count) are left")
    var frame: [UInt8] = []
    for index in 0..<9 { frame.append(unsafe header[index]) }
    frame += stream.body.prefix(length)
    stream.body.removeFirst(length)
    check.take(frame)
    return 1
  }
}

/// Reads what the session sends, frame by frame (RFC 9113 sections 4 and 5.1).
struct FrameCheck {
  private let mostStreams: UInt32
  private var rest: [UInt8] = []
  private var isFirst = true
  private var ended: Set<Int32> = []
  private var answered: Set<Int32> = []
  private(set) var hasGoaway = false

  init(mostStreams: UInt32) { self.mostStreams = mostStreams }

  mutating func take(_ bytes: [UInt8]) {
    rest += bytes
    while rest.count >= 9 {
      let length = Int(rest[0]) << 16 | Int(rest[1]) << 8 | Int(rest[2])
      guard rest.count >= 9 + length else { break }
      judge(Array(rest[..<(9 + length)]))
      rest.removeFirst(9 + length)
    }
    require(rest.isEmpty, "half a frame: \(rest)")
  }

  private mutating func judge(_ frame: [UInt8]) {
    let (kind, flags) = (frame[3], frame[4])
    let stream = frame[5..<9].reduce(Int32(0)) { $0 << 8 | Int32($1) }
    require(frame.count <= 9 + 16_384, "a frame of \(frame.count) bytes")
    if isFirst {
      let most = frame[11..<15].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      require(kind == 4 && flags == 0 && most == mostStreams, "SETTINGS first: \(frame)")
      isFirst = false
    }
    switch kind {
    case 0, 1:
      require(stream != 0 && !ended.contains(stream), "a frame on stream \(stream), which has ended")
      require(kind == 1 || answered.contains(stream), "DATA before the head of \(stream)")
      if kind == 1 { answered.insert(stream) }
      if flags & 1 != 0 { ended.insert(stream) }
    case 3: ended.insert(stream)
    case 7: hasGoaway = true
    case 4, 6, 8, 9: break
    default: require(false, "a frame of kind \(kind)")
    }
  }
}
