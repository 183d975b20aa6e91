import CNghttp2

/// One HTTP/2 connection from the server's side (RFC 9113): bytes in become calls of the driver, answers become bytes.
///
/// nghttp2 frames, compresses, counts windows and judges stream states; this adds the bounds of `[http2]`, the floods
/// that it does not know, and the driver's table. Belongs to one thread; makes no system call and knows no clock.
@safe
package struct HTTP2Session: ~Copyable {
  let state: UnsafeMutablePointer<HTTP2SessionState>

  /// - Parameters:
  ///   - driver: lives as long as the session; `connection` is handed to its functions.
  package init(
    _ settings: HTTP2Settings, driver: UnsafePointer<HTTP2Driver>, connection: UnsafeMutableRawPointer
  ) {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: HTTP2SessionState(settings, driver: driver, connection: connection))
    unsafe state.pointee.session = HTTP2Session.make(state, settings)
    announce(settings)
  }

  deinit {
    unsafe nghttp2_session_del(state.pointee.session)
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  private var session: OpaquePointer? { unsafe state.pointee.session }

  /// The first bytes of a connection with prior knowledge (RFC 9113 section 3.4).
  package static var preface: StaticString { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" }

  private func announce(_ settings: HTTP2Settings) {
    let entries: InlineArray<5, nghttp2_settings_entry> = [
      // First, where `announcement` finds it. The library would end a connection with a stream too many; the driver,
      // which knows when one is over, refuses that stream alone (RFC 9113 section 5.1.2).
      entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, .max),
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.initialWindowSize),
      entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings.maxFrameSize),
      entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.maxHeaderListSize),
      nghttp2_settings_entry(settings_id: HTTP2Session.noRFC7540Priorities, value: 1),
    ]
    unsafe entries.span.withUnsafeBufferPointer { buffer in
      _ = unsafe nghttp2_submit_settings(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), buffer.baseAddress, buffer.count)
    }
    // What has come is credited at once: only the streams' own windows hold a client back, so that one body nobody
    // reads does not stop the others.
    let window = Int32(clamping: max(1 << 20, Int(settings.initialWindowSize)))
    unsafe nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, window)
  }

  /// RFC 9218: the old priorities are not looked at.
  private static let noRFC7540Priorities: Int32 = 9

  private func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
    nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
  }

  // MARK: Input

  /// Takes all of `bytes` in. After a refusal nothing is read any more: every later call has the same answer.
  ///
  /// - Parameter second: the present second of any clock that only goes on.
  /// - Returns: why the connection must end, if it must; GOAWAY is ready to be sent then.
  package func receive(_ bytes: Bytes, second: UInt64) -> Refusal? {
    if let refusal = unsafe state.pointee.refusal { return refusal }
    unsafe state.pointee.floods.begin(second)
    let rest = unsafe state.pointee.headers.complete(bytes)
    if let header = unsafe state.pointee.headers.release() {
      let fault = unsafe header.span.withUnsafeBufferPointer { buffer in
        take(unsafe Bytes(base: buffer.baseAddress, count: buffer.count))
      }
      if let fault { return fault }
    }
    let whole = unsafe state.pointee.headers.whole(rest)
    return whole.isEmpty ? nil : take(whole)
  }

  private func take(_ bytes: Bytes) -> Refusal? {
    let count = unsafe nghttp2_session_mem_recv(session, bytes.base, bytes.count)
    if let fault = takeFault() { return fault }
    guard count < 0 else { return nil }
    switch CInt(count) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: unsafe state.pointee.fault = .malformedPreface
    case NGHTTP2_ERR_FLOODED.rawValue: unsafe state.pointee.fault = .pingFlood
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue: unsafe state.pointee.fault = .continuationFlood
    default: unsafe state.pointee.fault = .malformedFrame
    }
    return takeFault()
  }

  // MARK: Output

  /// The next run of bytes to send, valid until the next call; DATA frames go to the driver's `frame` meanwhile.
  /// Empty when there is nothing more, or no room.
  package func produce() -> Bytes {
    var base: UnsafePointer<UInt8>?
    let count = unsafe nghttp2_session_mem_send(session, &base)
    if unsafe count < 0 && state.pointee.fault == nil && state.pointee.refusal == nil {
      // Out of memory, at worst: nothing that follows would be in step.
      unsafe state.pointee.fault = .malformedFrame
    }
    guard count > 0 else { return .empty }
    let bytes = unsafe Bytes(base: base, count: count)
    return unsafe state.pointee.isAnnounced ? bytes : announcement(bytes)
  }

  /// The first frame, SETTINGS, with the number of streams that the library does not know.
  private func announcement(_ frame: Bytes) -> Bytes {
    let announcement = unsafe HTTP2Announcement(frame, limit: state.pointee.maxConcurrentStreams)
    let bytes = announcement.bytes
    unsafe state.pointee.announcement = consume announcement
    return bytes
  }

  /// Something waits to be sent, windows permitting.
  package var wantsToSend: Bool { unsafe nghttp2_session_want_write(session) != 0 }

  /// Neither side has anything more to say.
  package var isOver: Bool {
    unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// Why the connection must end, if it must since the last call; GOAWAY is ready to be sent then.
  package func takeFault() -> Refusal? {
    guard let fault = unsafe state.pointee.fault else { return nil }
    unsafe state.pointee.fault = nil
    if unsafe state.pointee.refusal == nil { unsafe state.pointee.refusal = fault }
    switch fault {
    case .frameOnClosedStream: terminate(HTTP2ErrorCode.streamClosed.rawValue)
    default: terminate((fault.isFlood ? HTTP2ErrorCode.enhanceYourCalm : .protocolError).rawValue)
    }
    return fault
  }

  // MARK: Answers

  /// A header block that does not end the stream: an informational response (RFC 9113 section 8.1).
  package func informational(_ id: Int32, _ section: Bytes) {
    unsafe withBlock(section) { block, count in
      _ = unsafe nghttp2_submit_headers(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, block, count, nil)
    }
  }

  /// The final head; `ends`: there is no body.
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

  /// Streams without a wish of their own share the connection byte by byte (RFC 9218 section 4.2), not one after the other.
  package func interleave(_ id: Int32) {
    var priority = nghttp2_extpri()
    priority.urgency = 3
    priority.inc = 1
    unsafe nghttp2_session_change_extpri_stream_priority(session, id, &priority, 0)
  }

  /// The trailers, called from within the driver's `offer`.
  package func trailers(_ id: Int32, _ section: Bytes) {
    unsafe withBlock(section) { block, count in
      // There is no status among trailers.
      _ = unsafe nghttp2_submit_trailer(session, id, block + 1, count - 1)
    }
  }

  /// There is more of the answer to offer.
  package func resume(_ id: Int32) { unsafe nghttp2_session_resume_data(session, id) }

  package func reset(_ id: Int32, _ code: HTTP2ErrorCode) {
    _ = unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
  }

  /// The driver's record for a stream is gone: nothing more is told of it.
  package func forget(_ id: Int32) {
    if unsafe state.pointee.reading?.id == id { unsafe state.pointee.reading = nil }
    _ = unsafe nghttp2_session_set_stream_user_data(session, id, nil)
  }

  /// `count` bytes of a stream's body have been used: its window opens again.
  package func credit(_ id: Int32, _ count: Int) {
    unsafe nghttp2_session_consume_stream(session, id, count)
  }

  /// Whether the peer's windows hold back what `id` has to send.
  package func isBlocked(_ id: Int32) -> Bool {
    unsafe nghttp2_session_get_remote_window_size(session) <= 0
      || nghttp2_session_get_stream_remote_window_size(session, id) <= 0
  }

  /// The largest header list that the peer takes (RFC 9113 section 6.5.2).
  package var peerHeaderListSize: Int {
    unsafe Int(nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
  }

  // MARK: Ends

  /// Tells the peer to open no more streams, and asks for a sign that it has heard (RFC 9113 section 6.8).
  package func announceShutdown() {
    _ = unsafe nghttp2_submit_shutdown_notice(session)
    _ = unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
  }

  /// The peer has heard of the shutdown.
  package var isShutdownHeard: Bool { unsafe state.pointee.pingAcknowledged }

  /// Streams up to the last that came are finished, and no others.
  package func refuseStreams() {
    _ = unsafe nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
  }

  /// GOAWAY, and nothing after it.
  package func terminate(_ code: UInt32) {
    unsafe state.pointee.isTerminated = true
    unsafe nghttp2_session_terminate_session(session, code)
  }

  // MARK: Header blocks

  private func withBlock(_ section: Bytes, _ body: (UnsafeMutablePointer<nghttp2_nv>, Int) -> Void) {
    let reader = FieldSection.Reader(section)
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3) { digits in
      for (index, divisor) in [100, 10, 1].enumerated() {
        unsafe digits[index] = 0x30 + UInt8(truncatingIfNeeded: Int(reader.status) / divisor % 10)
      }
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

  /// nghttp2 copies both, and makes the name lower-case.
  private static func pair(_ field: Field) -> nghttp2_nv {
    unsafe nghttp2_nv(
      name: UnsafeMutablePointer(mutating: field.name.base), value: UnsafeMutablePointer(mutating: field.value.base),
      namelen: field.name.count, valuelen: field.value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
  }
}

/// RFC 9113 section 7, as far as this server says them of a stream.
package enum HTTP2ErrorCode: UInt32 {
  case noError = 0
  case protocolError = 1
  case internalError = 2
  case streamClosed = 5
  case refusedStream = 7
  case cancel = 8
  case enhanceYourCalm = 11
}

/// What the callbacks of nghttp2 find.
@safe
struct HTTP2SessionState: ~Copyable {
  var session: OpaquePointer?
  var headers = FrameHeaders()
  let driver: UnsafePointer<HTTP2Driver>
  let connection: UnsafeMutableRawPointer
  let limits: HTTP2FloodLimits
  let maxHeaderListSize: Int
  let maxConcurrentStreams: UInt32
  /// Our SETTINGS, once they are framed.
  var announcement: HTTP2Announcement?
  var isAnnounced: Bool { announcement != nil }
  /// The peer knows them.
  var isAcknowledged = false
  var floods = HTTP2FloodMeter()
  /// Streams refused while the peer did not know how many it may open.
  var earlyRefusals = 0
  /// The size of the header list that is being read.
  var listSize = 0
  /// The stream whose header block is being read, so that its fields need not look for it: until the block is complete,
  /// or the stream is closed or forgotten.
  var reading: (id: Int32, stream: UnsafeMutableRawPointer)?
  var fault: Refusal?
  /// The first fault that was told: the connection is refused from then on.
  var refusal: Refusal?
  var isTerminated = false
  /// The streams that were reset last: frames may have crossed that.
  var resets = InlineArray<32, Int32>(repeating: 0)
  var resetCount = 0
  var pingAcknowledged = false

  init(_ settings: HTTP2Settings, driver: UnsafePointer<HTTP2Driver>, connection: UnsafeMutableRawPointer) {
    unsafe self.driver = driver
    unsafe self.connection = connection
    limits = settings.floods
    maxHeaderListSize = Int(settings.maxHeaderListSize)
    maxConcurrentStreams = settings.maxConcurrentStreams
    unsafe session = nil
  }

  /// Whether the peer may not have known that one more stream is too many. It is believed
  /// for a while: one that never acknowledges our SETTINGS does not go on for ever.
  mutating func isInnocent() -> Bool {
    let believed = HTTP2FloodMeter.earlyRefusalsPerStream * Int(maxConcurrentStreams)
    guard !isAcknowledged && earlyRefusals < believed else { return false }
    earlyRefusals += 1
    return true
  }

  mutating func noteReset(_ id: Int32) {
    resets[resetCount % resets.count] = id
    resetCount &+= 1
  }

  func wasReset(_ id: Int32) -> Bool {
    for index in resets.indices where resets[index] == id { return true }
    return false
  }
}
