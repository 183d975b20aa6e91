/// A client that speaks HTTP/2 in cleartext, with prior knowledge (RFC 9113 section 3.3).
struct HTTP2Client: ~Copyable {
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
  private static let initialWindowSize: UInt8 = 4
  /// The window of the connection is opened by so much once; the client never fills it by what it keeps.
  private static let connectionWindow: UInt32 = 1 << 30

  private struct Stream {
    var isToHead = false
    var status: Int?
    var hasEnded = false
    var isReset = false
    /// Bytes of content.
    var received = 0
  }

  private let connection: CheckConnection
  private let coder = FieldSectionCoder()
  private var input: [UInt8] = []
  private var streams: [UInt32: Stream] = [:]
  private var nextStream: UInt32 = 1
  private var section: [UInt8] = []
  private var isClosed = false
  /// Windows of streams are opened by this much at first.
  private let step: UInt32

  /// - Parameter window: the initial one of each stream; a small one makes the client slow.
  init(port: UInt16, window: UInt32 = 65_535) throws(CheckError) {
    let connection = try CheckConnection(port: port)
    let settings = [0, HTTP2Client.initialWindowSize] + HTTP2Frame.bytes(window)
    try connection.send(
      HTTP2Client.preface + HTTP2Frame(.settings, settings).bytes
        + HTTP2Frame(.windowUpdate, HTTP2Frame.bytes(HTTP2Client.connectionWindow)).bytes)
    self.connection = connection
    step = window
  }

  /// Sends the head of a request.
  ///
  /// - Returns: its stream.
  mutating func request(
    _ method: String, _ path: String, endsStream: Bool = true, slowly: Bool = false
  ) throws(CheckError) -> UInt32 {
    let stream = nextStream
    nextStream += 2
    streams[stream] = Stream(isToHead: method == "HEAD")
    let section = FieldSectionCoder.encode([
      (":method", method), (":scheme", "http"), (":authority", "localhost"), (":path", path),
    ])
    let flags = HTTP2Frame.endHeaders | (endsStream ? HTTP2Frame.endStream : 0)
    let bytes = HTTP2Frame(.headers, flags: flags, stream: stream, section).bytes
    if slowly { try connection.sendSlowly(bytes) } else { try connection.send(bytes) }
    return stream
  }

  func send(_ bytes: [UInt8], on stream: UInt32, endsStream: Bool) throws(CheckError) {
    try connection.send(
      HTTP2Frame(.data, flags: endsStream ? HTTP2Frame.endStream : 0, stream: stream, bytes).bytes)
  }

  /// The client has no use for the stream any more (CANCEL).
  mutating func cancel(_ stream: UInt32) throws(CheckError) {
    streams[stream] = nil
    try connection.send(HTTP2Frame(.resetStream, stream: stream, HTTP2Frame.bytes(8)).bytes)
  }

  /// Waits for the end of a stream.
  mutating func outcome(of stream: UInt32) throws(CheckError) -> ClientOutcome {
    let deadline = CheckWait.deadline
    while true {
      guard let state = streams[stream] else { return .none }
      if state.hasEnded { return state.status.map { .answered(status: $0) } ?? .malformed }
      if state.isReset || isClosed { return state.status == nil ? .none : .cut }
      while let frame = HTTP2Frame(from: &input) { try handle(frame) }
      if streams[stream]?.hasEnded == true || streams[stream]?.isReset == true { continue }
      switch try connection.receive(atMost: 65_536, by: deadline) {
      case .bytes(let bytes): input += bytes
      case .end: isClosed = true
      case .late:
        // It has gone, and does not merely wait in silence.
        connection.resetWhenClosed()
        return .late
      }
    }
  }

  private mutating func handle(_ frame: HTTP2Frame) throws(CheckError) {
    let stream = frame.stream
    switch frame.kind {
    case .settings where frame.flags & HTTP2Frame.acknowledgement == 0:
      try connection.send(HTTP2Frame(.settings, flags: HTTP2Frame.acknowledgement).bytes)
    case .ping where frame.flags & HTTP2Frame.acknowledgement == 0:
      try connection.send(HTTP2Frame(.ping, flags: HTTP2Frame.acknowledgement, frame.payload).bytes)
    case .headers, .continuation:
      section += frame.payload
      // The end of the stream stands on HEADERS, before its CONTINUATION.
      let endsStream = frame.kind == .headers && frame.flags & HTTP2Frame.endStream != 0
      if frame.flags & HTTP2Frame.endHeaders != 0 {
        let status = coder.status(of: section)
        section = []
        if let status, status >= 200 { streams[stream]?.status = status }
      }
      if endsStream { streams[stream]?.hasEnded = true }
    case .data:
      streams[stream]?.received += frame.payload.count
      if frame.flags & HTTP2Frame.endStream != 0 {
        streams[stream]?.hasEnded = true
      } else if !frame.payload.isEmpty, let received = streams[stream]?.received {
        // Slow at first only.
        let increment = received < 4096 ? min(step, UInt32(frame.payload.count)) : 1 << 20
        try connection.send(HTTP2Frame(.windowUpdate, stream: stream, HTTP2Frame.bytes(increment)).bytes)
      }
    case .resetStream: streams[stream]?.isReset = true
    default: break
    }
  }
}
