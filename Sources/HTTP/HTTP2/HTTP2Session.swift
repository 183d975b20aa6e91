import CNghttp2
import Memory

/// The server's side of an HTTP/2 connection (RFC 9113): received bytes cause calls of the delegate, and responses
/// become bytes.
///
/// nghttp2 does framing, compression, windows and stream states. This type adds the limits of `[http2]`, floods that
/// nghttp2 does not detect, and the delegate's table. It belongs to one thread, makes no system call and has no clock.
@safe
package struct HTTP2Session: ~Copyable {
  let state: Pinned<HTTP2SessionState>

  /// - Parameters:
  ///   - delegate: lives as long as the session; `connection` is passed to its functions.
  ///   - memory: shared with other sessions of the thread.
  package init(
    _ settings: HTTP2Settings, delegate: UnsafePointer<HTTP2SessionDelegate>, connection: UnsafeMutableRawPointer,
    memory: SessionMemory
  ) {
    state = unsafe Pinned(HTTP2SessionState(settings, delegate: delegate, connection: connection, memory))
    unsafe state.record.session = HTTP2Session.make(state, settings)
    submitSettings(settings)
  }

  deinit {
    unsafe nghttp2_session_del(state.record.session)
    state.destroy()
  }

  private var session: OpaquePointer? { unsafe state.record.session }

  /// The first bytes of a connection with prior knowledge (RFC 9113 section 3.4).
  package static var preface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }

  private func submitSettings(_ settings: HTTP2Settings) {
    let entries: InlineArray<6, nghttp2_settings_entry> = [
      // The first entry, where `initialSettings` finds it. The library would end a connection with one stream too many.
      // The delegate, which knows which streams are closed, refuses only that stream (RFC 9113 section 5.1.2).
      entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, .max),
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.initialWindowSize),
      entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings.maxFrameSize),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize),
      nghttp2_settings_entry(settings_id: HTTP2Session.noRFC7540Priorities, value: 1),
      // RFC 8441 section 3.
      entry(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, settings.allowsWebSocket ? 1 : 0),
    ]
    unsafe entries.span.withUnsafeBufferPointer { buffer in
      _ = unsafe nghttp2_submit_settings(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), buffer.baseAddress, buffer.count)
    }
    // The connection's window is credited at once. Only the streams' windows hold a client back, so that an unread body
    // does not block other streams.
    let window = Int32(clamping: max(1 << 20, Int(settings.initialWindowSize)))
    unsafe nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, window)
  }

  /// RFC 9218: the priorities of RFC 7540 are ignored.
  private static let noRFC7540Priorities: Int32 = 9

  private func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
    nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
  }

  // MARK: Input

  /// Processes all of `bytes`. After a refusal nothing is processed: all later calls return the same refusal.
  ///
  /// - Parameter second: the current second of any monotonic clock.
  /// - Returns: why the connection must end, or nil; GOAWAY is then ready to be sent.
  package func receive(_ bytes: Bytes, second: UInt64) -> Refusal? {
    if let refusal = state.record.refusal { return refusal }
    state.record.floods.begin(second, state.record.limits)
    var rest = bytes
    while let step = state.record.headers.next(&rest) {
      if let fault = take(step) { return fault }
    }
    return nil
  }

  private func take(_ step: FrameHeaders.Step) -> Refusal? {
    switch step {
    case .bytes(let bytes): return take(bytes)
    case .data(let header): return count(header)
    case .header(let header, let count, let data):
      if let data, let fault = self.count(data) { return fault }
      return unsafe header.span.withUnsafeBufferPointer { buffer in
        take(unsafe Bytes(base: buffer.baseAddress, count: count))
      }
    }
  }

  /// Counts DATA on a closed stream, which the library ignores without a report. A frame with content or END_STREAM may
  /// have been on its way when the stream closed.
  private func count(_ data: DataHeader) -> Refusal? {
    let limits = state.record.limits
    let fault: Refusal?
    if data.isEmpty && !data.endsStream {
      fault = state.record.floods.count(.emptyFrame, limits)
    } else if state.record.isOver(data.stream) {
      fault =
        data.isEmpty
        ? state.record.floods.countLate(.emptyFrame, limits)
        : state.record.floods.countLate(bytes: data.payload, limits)
    } else {
      return nil
    }
    guard let fault else { return nil }
    state.record.fault = fault
    return takeFault()
  }

  private func take(_ bytes: Bytes) -> Refusal? {
    let count = unsafe nghttp2_session_mem_recv(session, bytes.base, bytes.count)
    if let fault = takeFault() { return fault }
    guard count < 0 else { return nil }
    switch CInt(count) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: state.record.fault = .malformedPreface
    case NGHTTP2_ERR_FLOODED.rawValue: state.record.fault = .pingFlood
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue: state.record.fault = .continuationFlood
    default: state.record.fault = .malformedFrame
    }
    return takeFault()
  }

  // MARK: Output

  /// The next bytes to send, valid until the next call; meanwhile DATA frames go to the delegate's `writeFrame`. Empty
  /// if there is nothing more, or no room.
  package func produce() -> Bytes {
    var base: UnsafePointer<UInt8>?
    let count = unsafe nghttp2_session_mem_send(session, &base)
    if count < 0 && state.record.fault == nil && state.record.refusal == nil {
      // At worst, out of memory: later frames would not match the client's state.
      state.record.fault = .malformedFrame
    }
    guard count > 0 else { return .empty }
    let bytes = unsafe Bytes(base: base, count: count)
    return state.record.hasSentSettings ? bytes : initialSettings(bytes)
  }

  /// The first frame, SETTINGS, with the maximum number of streams, which the library is not told.
  private func initialSettings(_ frame: Bytes) -> Bytes {
    let announcement = InitialSettingsFrame(frame, limit: state.record.maxConcurrentStreams)
    let bytes = announcement.bytes
    state.record.announcement = consume announcement
    return bytes
  }

  /// Something waits to be sent, if the windows allow it.
  package var wantsToSend: Bool { unsafe nghttp2_session_want_write(session) != 0 }

  /// Neither side has anything more to send.
  package var isOver: Bool {
    unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// Why the connection must end, if that is new since the last call; GOAWAY is then ready to be sent.
  package func takeFault() -> Refusal? {
    guard let fault = state.record.fault else { return nil }
    state.record.fault = nil
    if state.record.refusal == nil { state.record.refusal = fault }
    switch fault {
    case .frameOnClosedStream: terminate(HTTP2ErrorCode.streamClosed.rawValue)
    default: terminate((fault.isFlood ? HTTP2ErrorCode.enhanceYourCalm : .protocolError).rawValue)
    }
    return fault
  }

  // MARK: Responses

  /// Submits an informational response: a header block that does not end the stream (RFC 9113 section 8.1).
  package func informational(_ id: Int32, _ section: Bytes) {
    unsafe withBlock(section) { block, count in
      _ = unsafe nghttp2_submit_headers(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, block, count, nil)
    }
  }

  /// Submits the final head; `ends`: without a body.
  package func head(_ id: Int32, _ section: Bytes, ends: Bool) {
    unsafe withBlock(section) { block, count in
      if ends {
        _ = unsafe nghttp2_submit_response(session, id, block, count, nil)
      } else {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.read_callback = HTTP2Session.readBody
        _ = unsafe nghttp2_submit_response(session, id, block, count, &provider)
      }
    }
  }

  /// Makes a stream without a priority of its own share the connection with others (RFC 9218 section 4.2) instead of
  /// one after the other.
  package func interleave(_ id: Int32) {
    var priority = nghttp2_extpri()
    priority.urgency = 3
    priority.inc = 1
    unsafe nghttp2_session_change_extpri_stream_priority(session, id, &priority, 0)
  }

  /// Submits the trailers. Called from within the delegate's `readableBytes`.
  package func trailers(_ id: Int32, _ section: Bytes) {
    unsafe withBlock(section) { block, count in
      // Trailers have no status.
      _ = unsafe nghttp2_submit_trailer(session, id, block + 1, count - 1)
    }
  }

  /// More of the response can be read.
  package func resume(_ id: Int32) { unsafe nghttp2_session_resume_data(session, id) }

  package func reset(_ id: Int32, _ code: HTTP2ErrorCode) {
    _ = unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
  }

  /// The delegate's record of a stream is gone: the stream is no longer reported.
  package func forget(_ id: Int32) {
    if unsafe state.record.reading?.id == id { unsafe state.record.reading = nil }
    _ = unsafe nghttp2_session_set_stream_user_data(session, id, nil)
  }

  /// `count` bytes of a stream's body have been consumed: opens its window.
  package func credit(_ id: Int32, _ count: Int) {
    unsafe nghttp2_session_consume_stream(session, id, count)
  }

  /// Opens the window of a stream at once, at most by the bytes that have arrived.
  package func openWindow(_ id: Int32, by count: Int) {
    guard count > 0 else { return }
    _ = unsafe nghttp2_submit_window_update(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, Int32(clamping: count))
  }

  /// Bytes of a stream's body that have arrived since its window was last opened.
  package func uncredited(_ id: Int32) -> Int {
    max(0, Int(unsafe nghttp2_session_get_stream_effective_recv_data_length(session, id)))
  }

  /// Whether the peer's windows block the response of stream `id`.
  package func isBlocked(_ id: Int32) -> Bool {
    unsafe nghttp2_session_get_remote_window_size(session) <= 0
      || nghttp2_session_get_stream_remote_window_size(session, id) <= 0
  }

  /// The peer's SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 section 6.5.2).
  package var peerHeaderListSize: Int {
    unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
  }

  // MARK: Ends

  /// Tells the peer to open no more streams (RFC 9113 section 6.8).
  package func announceShutdown() { _ = unsafe nghttp2_submit_shutdown_notice(session) }

  /// Sends a PING, by which the peer acknowledges the shutdown. The library would frame it before anything else, so
  /// nothing is sent, and the result is false, until GOAWAY has been framed.
  package func sendShutdownPing() -> Bool {
    guard state.record.isShutdownAnnounced else { return false }
    state.record.ping = .sent
    _ = unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
    return true
  }

  /// The peer has acknowledged the PING after GOAWAY, so it has read both.
  package var isShutdownAcknowledged: Bool { state.record.ping == .acknowledged }

  /// Finishes the streams that the peer has opened, and refuses all others.
  package func refuseStreams() {
    state.record.refusesStreams = true
    _ = unsafe nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
  }

  /// Sends GOAWAY and nothing after it.
  package func terminate(_ code: UInt32) {
    state.record.isTerminated = true
    unsafe nghttp2_session_terminate_session(session, code)
  }

  // MARK: Header blocks

  private func withBlock(_ section: Bytes, _ body: (UnsafeMutablePointer<nghttp2_nv>, Int) -> Void) {
    let reader = FieldSection.Reader(section)
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3) { digits in
      unsafe digits[0] = HTTP2Session.digit(reader.status / 100)
      unsafe digits[1] = HTTP2Session.digit(reader.status / 10)
      unsafe digits[2] = HTTP2Session.digit(reader.status)
      let status = unsafe Field(name: Bytes(":status"), value: Bytes(base: digits.baseAddress, count: 3))
      unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: reader.count + 1) { block in
        unsafe block[0] = HTTP2Session.pair(status)
        var index = 1
        for field in reader {
          unsafe block[index] = HTTP2Session.pair(field)
          index += 1
        }
        unsafe body(block.baseAddress.unsafelyUnwrapped, index)
      }
    }
  }

  private static func digit(_ number: UInt32) -> UInt8 { 0x30 + UInt8(truncatingIfNeeded: number % 10) }

  /// nghttp2 copies both, and lower-cases the name.
  private static func pair(_ field: Field) -> nghttp2_nv {
    unsafe nghttp2_nv(
      name: UnsafeMutablePointer(mutating: field.name.base), value: UnsafeMutablePointer(mutating: field.value.base),
      namelen: field.name.count, valuelen: field.value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
  }
}

/// The error codes of RFC 9113 section 7 that this server sends for streams.
package enum HTTP2ErrorCode: UInt32 {
  case noError = 0
  case protocolError = 1
  case internalError = 2
  case streamClosed = 5
  case refusedStream = 7
  case cancel = 8
  case enhanceYourCalm = 11
}

/// The state for the callbacks of nghttp2.
@safe
struct HTTP2SessionState: ~Copyable {
  enum Ping { case none, sent, acknowledged }

  var session: OpaquePointer?
  var headers = FrameHeaders()
  let delegate: UnsafePointer<HTTP2SessionDelegate>
  let connection: UnsafeMutableRawPointer
  let memory: SessionMemory
  let limits: HTTP2FloodLimits
  let maxHeaderListSize: Int
  let maxConcurrentStreams: UInt32
  let initialWindowSize: Int
  /// Our SETTINGS frame, once it has been framed.
  var announcement: InitialSettingsFrame?
  var hasSentSettings: Bool { announcement != nil }
  /// The peer has acknowledged our SETTINGS.
  var isAcknowledged = false
  var floods = HTTP2FloodMeter()
  /// GOAWAY with the last stream's ID has been submitted.
  var refusesStreams = false
  /// Streams refused while the peer might not have known the maximum number of streams, or the last stream's ID.
  var earlyRefusals = 0
  /// The size of the header list that is being received.
  var listSize = 0
  /// The stream whose header block is being received, so that its fields need no lookup: until the block is complete,
  /// or the stream is closed or forgotten.
  var reading: (id: Int32, stream: UnsafeMutableRawPointer)?
  var fault: Refusal?
  /// The first fault that was returned: the connection is refused from then on.
  var refusal: Refusal?
  var isTerminated = false
  /// The last streams that the peer has ended, by END_STREAM, by a reset, or by skipping them: it may send nothing more
  /// on them.
  var ended = InlineArray<32, Int32>(repeating: 0)
  var endedCount = 0
  /// The last stream that the peer has opened.
  var lastBegun: Int32 = -1
  /// The first GOAWAY has been framed.
  var isShutdownAnnounced = false
  /// The state of the PING that follows it.
  var ping = Ping.none

  init(
    _ settings: HTTP2Settings, delegate: UnsafePointer<HTTP2SessionDelegate>, connection: UnsafeMutableRawPointer,
    _ memory: SessionMemory
  ) {
    unsafe self.delegate = delegate
    self.memory = memory
    unsafe self.connection = connection
    limits = settings.floods
    maxHeaderListSize = Int(settings.maxHeaderListSize)
    maxConcurrentStreams = settings.maxConcurrentStreams
    initialWindowSize = Int(settings.initialWindowSize)
    unsafe session = nil
  }

  /// Whether the peer may not know that it opens one stream too many. This is assumed for a limited number of streams,
  /// in case a peer never acknowledges our SETTINGS or never reads GOAWAY.
  mutating func isInnocent() -> Bool {
    let believed = HTTP2FloodMeter.earlyRefusalsPerStream * Int(maxConcurrentStreams)
    guard !isAcknowledged || refusesStreams, earlyRefusals < believed else { return false }
    earlyRefusals += 1
    return true
  }

  /// A stream has closed on both sides.
  mutating func noteClosed(_ id: Int32) {
    let byPeer = unsafe nghttp2_session_get_stream_remote_close(session, id) == 1
    floods.closed(byPeer: byPeer, window: initialWindowSize, of: Int(maxConcurrentStreams))
    if byPeer { noteEnded(id) }
  }

  /// The peer opens a stream. By that it ends earlier streams that it has not opened (RFC 9113 section 5.1.1).
  mutating func noteBegun(_ id: Int32) {
    var passed = max(lastBegun &+ 2, id &- 2 &* Int32(ended.count))
    while passed < id {
      noteEnded(passed)
      passed &+= 2
    }
    lastBegun = id
  }

  private mutating func noteEnded(_ id: Int32) {
    ended[endedCount % ended.count] = id
    endedCount &+= 1
  }

  /// Whether the peer has ended the stream, as far as that is still known. Frames on other closed streams may have
  /// crossed our reset.
  func hasPeerEnded(_ id: Int32) -> Bool {
    for index in ended.indices where ended[index] == id { return true }
    return false
  }

  /// Whether a stream has been opened and is closed on both sides.
  func isOver(_ id: Int32) -> Bool {
    unsafe id & 1 == 1 && id <= nghttp2_session_get_last_proc_stream_id(session)
      && nghttp2_session_find_stream(session, id) == nil
  }
}
