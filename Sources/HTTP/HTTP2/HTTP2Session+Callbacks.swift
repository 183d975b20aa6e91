import CNghttp2

// What nghttp2 calls while it reads and writes. Each finds the session's state by its last argument; none of them may
// trap, and a fault is noted and ends the reading.

extension HTTP2Session {
  static func make(_ state: UnsafeMutablePointer<HTTP2SessionState>, _ settings: HTTP2Settings) -> OpaquePointer? {
    var options: OpaquePointer?
    unsafe nghttp2_option_new(&options)
    defer { unsafe nghttp2_option_del(options) }
    // Windows open as the plugin reads.
    unsafe nghttp2_option_set_no_auto_window_update(options, 1)
    // Frames of unknown types are counted, which the library does for those that it is told of, and read over.
    for type in UInt8(0xA)...0xFF { unsafe nghttp2_option_set_user_recv_extension_type(options, type) }
    // Answers are bounded by limits.output, before they come here.
    unsafe nghttp2_option_set_max_send_header_block_length(options, 1 << 27)
    // The floods are counted here, under their own names; those of the library are the second line.
    unsafe nghttp2_option_set_max_outbound_ack(options, 10_000)
    unsafe nghttp2_option_set_stream_reset_rate_limit(
      options, UInt64(clamping: settings.floods.resets) &+ 10_000, UInt64(clamping: settings.floods.resets) &+ 10_000)
    var session: OpaquePointer?
    unsafe nghttp2_session_server_new2(&session, callbacks, state, options)
    return unsafe session
  }

  /// Made once and never changed.
  nonisolated(unsafe) private static let callbacks: OpaquePointer? = {
    var table: OpaquePointer?
    unsafe nghttp2_session_callbacks_new(&table)
    unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(table, beginFrame)
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table, beginHeaders)
    unsafe nghttp2_session_callbacks_set_on_header_callback(table, header)
    unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(table) { _, _, _, _, _, _, _, _ in
      NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    unsafe nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(table) { _, _, _, _, _ in
      NGHTTP2_ERR_CANCEL.rawValue
    }
    unsafe nghttp2_session_callbacks_set_unpack_extension_callback(table) { _, _, _, _ in NGHTTP2_ERR_CANCEL.rawValue }
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, dataChunk)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table, frameReceived)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table, frameSent)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table, streamClosed)
    unsafe nghttp2_session_callbacks_set_send_data_callback(table, sendData)
    return unsafe table
  }()

  private static func state(_ context: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<HTTP2SessionState> {
    unsafe context.unsafelyUnwrapped.assumingMemoryBound(to: HTTP2SessionState.self)
  }

  private static func take(
    _ state: UnsafeMutablePointer<HTTP2SessionState>, _ id: Int32, _ event: HTTP2Event
  ) {
    guard let stream = unsafe nghttp2_session_get_stream_user_data(state.pointee.session, id) else { return }
    unsafe take(state, stream, event)
  }

  private static func take(
    _ state: UnsafeMutablePointer<HTTP2SessionState>, _ stream: UnsafeMutableRawPointer, _ event: HTTP2Event
  ) {
    unsafe withUnsafePointer(to: event) {
      unsafe state.pointee.driver.pointee.take(state.pointee.connection, stream, UnsafeRawPointer($0))
    }
  }

  /// Notes a fault, if there is one, and stops the reading.
  private static func check(_ state: UnsafeMutablePointer<HTTP2SessionState>, _ fault: Refusal?) -> CInt {
    guard let fault else { return 0 }
    unsafe state.pointee.fault = fault
    return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  }

  // MARK: Reading

  /// A frame's header has come: floods are counted before the frame costs anything.
  private static let beginFrame: nghttp2_on_begin_frame_callback = { _, header, context in
    let state = unsafe HTTP2Session.state(context)
    let header = unsafe header.unsafelyUnwrapped.pointee
    let limits = unsafe state.pointee.limits
    let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
    let fault: Refusal?
    if unsafe header.type <= 0x1 && isOver(state, header.stream_id) {
      return unsafe check(state, .frameOnClosedStream)
    }
    switch header.type {
    case 0x0:
      let isEmpty = header.length == 0 && header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0
      fault = unsafe isEmpty ? state.pointee.floods.count(.emptyFrame, limits) : nil
    case 0x1: fault = nil
    // The library reads over all of these.
    case 0x2 where header.stream_id == 0: fault = .malformedFrame
    case 0x3: fault = unsafe state.pointee.floods.count(.reset, limits)
    case 0x4: fault = unsafe isAcknowledgement ? nil : state.pointee.floods.count(.settings, limits)
    case 0x6: fault = unsafe isAcknowledgement ? nil : state.pointee.floods.count(.ping, limits)
    case 0x8: fault = unsafe state.pointee.floods.count(.windowUpdate, limits)
    case 0x9: fault = unsafe header.length == 0 ? state.pointee.floods.count(.emptyFrame, limits) : nil
    default: fault = unsafe state.pointee.floods.count(.priority, limits)
    }
    return unsafe check(state, fault)
  }

  /// Whether a stream has ended with both sides' consent, so that nothing may come on it; the library reads over that.
  private static func isOver(_ state: UnsafeMutablePointer<HTTP2SessionState>, _ id: Int32) -> Bool {
    let session = unsafe state.pointee.session
    return unsafe id & 1 == 1 && id <= nghttp2_session_get_last_proc_stream_id(session)
      && nghttp2_session_find_stream(session, id) == nil && !state.pointee.wasReset(id)
  }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { session, frame, context in
    let state = unsafe HTTP2Session.state(context)
    let frame = unsafe frame.unsafelyUnwrapped.pointee
    unsafe state.pointee.listSize = 0
    unsafe state.pointee.reading = nil
    guard unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
    let id = unsafe frame.hd.stream_id
    guard let stream = unsafe state.pointee.driver.pointee.open(state.pointee.connection, id) else {
      _ = unsafe nghttp2_submit_rst_stream(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, HTTP2ErrorCode.refusedStream.rawValue)
      if unsafe state.pointee.isInnocent() { return 0 }
      return unsafe check(state, state.pointee.floods.count(.provokedReset, state.pointee.limits))
    }
    unsafe nghttp2_session_set_stream_user_data(session, id, stream)
    unsafe state.pointee.reading = (id, stream)
    return 0
  }

  private static let header: nghttp2_on_header_callback = { _, frame, name, nameCount, value, valueCount, _, context in
    let state = unsafe HTTP2Session.state(context)
    // Both are at most 64 KiB, nghttp2's own bound.
    unsafe state.pointee.listSize += nameCount + valueCount + 32
    if unsafe state.pointee.listSize > state.pointee.maxHeaderListSize {
      return unsafe check(state, .headerListTooLarge)
    }
    let field = unsafe Field(
      name: Bytes(base: name, count: nameCount), value: Bytes(base: value, count: valueCount))
    let id = unsafe frame.unsafelyUnwrapped.pointee.hd.stream_id
    if let reading = unsafe state.pointee.reading, unsafe reading.id == id {
      unsafe take(state, reading.stream, .field(field, inTrailers: false))
    } else {
      unsafe take(
        state, id, .field(field, inTrailers: frame.unsafelyUnwrapped.pointee.headers.cat != NGHTTP2_HCAT_REQUEST))
    }
    return 0
  }

  private static let dataChunk: nghttp2_on_data_chunk_recv_callback = { session, _, id, bytes, count, context in
    let state = unsafe HTTP2Session.state(context)
    unsafe nghttp2_session_consume_connection(session, count)
    unsafe take(state, id, .body(Bytes(base: bytes, count: count)))
    return 0
  }

  private static let frameReceived: nghttp2_on_frame_recv_callback = { _, frame, context in
    let state = unsafe HTTP2Session.state(context)
    let frame = unsafe frame.unsafelyUnwrapped.pointee
    let (id, flags) = unsafe (frame.hd.stream_id, frame.hd.flags)
    let endsStream = flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch unsafe frame.hd.type {
    case 0x0:
      if endsStream { unsafe take(state, id, .end(trailers: false)) }
    case 0x1:
      unsafe state.pointee.reading = nil
      if unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST {
        unsafe take(state, id, .head(ends: endsStream))
      } else if endsStream {
        unsafe take(state, id, .end(trailers: true))
      }
    case 0x4:
      if flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { unsafe state.pointee.isAcknowledged = true }
    case 0x6:
      if flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { unsafe state.pointee.pingAcknowledged = true }
    default: break
    }
    return 0
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { session, id, code, context in
    let state = unsafe HTTP2Session.state(context)
    if unsafe state.pointee.reading?.id == id { unsafe state.pointee.reading = nil }
    unsafe take(state, id, .closed(code: code))
    unsafe nghttp2_session_set_stream_user_data(session, id, nil)
    return 0
  }

  // MARK: Writing

  static let readBody: nghttp2_data_source_read_callback = { session, id, _, limit, flags, _, context in
    let state = unsafe HTTP2Session.state(context)
    guard let stream = unsafe nghttp2_session_get_stream_user_data(session, id) else {
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    var end = HTTP2BodyEnd.open.rawValue
    let count = unsafe state.pointee.driver.pointee.offer(state.pointee.connection, stream, limit, &end)
    let follows = HTTP2BodyEnd(rawValue: end) ?? .open
    if count == 0 && follows == .open { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    var outcome = NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    if follows != .open { outcome |= NGHTTP2_DATA_FLAG_EOF.rawValue }
    if follows == .trailers { outcome |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue }
    unsafe flags.unsafelyUnwrapped.pointee = outcome
    return count
  }

  private static let sendData: nghttp2_send_data_callback = { session, frame, header, count, _, context in
    let state = unsafe HTTP2Session.state(context)
    let id = unsafe frame.unsafelyUnwrapped.pointee.hd.stream_id
    guard let stream = unsafe nghttp2_session_get_stream_user_data(session, id), let header = unsafe header else {
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
    }
    let taken = unsafe state.pointee.driver.pointee.frame(state.pointee.connection, stream, header, count)
    if taken == 0 { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
    unsafe state.pointee.floods.sent(count)
    return taken < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue : 0
  }

  private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, context in
    let state = unsafe HTTP2Session.state(context)
    let frame = unsafe frame.unsafelyUnwrapped.pointee
    let header = unsafe frame.hd
    switch header.type {
    case 0x0, 0x1:
      if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        unsafe take(state, header.stream_id, .answered)
      }
    case 0x3:
      unsafe state.pointee.noteReset(header.stream_id)
      // The peer's own doing, as against what a plugin or a deadline gives up.
      switch unsafe frame.rst_stream.error_code {
      case 0, 2, 7, 8, 11: break
      default:
        if let fault = unsafe state.pointee.floods.count(.provokedReset, state.pointee.limits) {
          unsafe state.pointee.fault = state.pointee.fault ?? fault
        }
      }
    case 0x7:
      // The library has judged for itself that the connection can't go on.
      if unsafe frame.goaway.error_code != 0 && !state.pointee.isTerminated && state.pointee.fault == nil {
        unsafe state.pointee.fault = .malformedFrame
      }
    default: break
    }
    return 0
  }
}
