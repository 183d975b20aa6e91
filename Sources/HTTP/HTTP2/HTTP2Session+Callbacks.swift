import CNghttp2
import Memory

// The callbacks of nghttp2. Each gets the session's state as its last argument. A callback must not trap: it notes a
// fault, which ends reading.

extension HTTP2Session {
  static func make(_ state: Pinned<HTTP2SessionState>, _ settings: HTTP2Settings) -> OpaquePointer? {
    var options: OpaquePointer?
    unsafe nghttp2_option_new(&options)
    defer { unsafe nghttp2_option_del(options) }
    // Windows are opened when the plugin reads.
    unsafe nghttp2_option_set_no_auto_window_update(options, 1)
    // Frames of unknown types are counted and ignored. The library reports only the types that it is told about.
    for type in UInt8(0xA)...0xFF { unsafe nghttp2_option_set_user_recv_extension_type(options, type) }
    // Responses are bounded by limits.output before they get here.
    unsafe nghttp2_option_set_max_send_header_block_length(options, 1 << 27)
    // Floods are counted here, each as a kind of its own. The library's limits are a second line of defence.
    unsafe nghttp2_option_set_max_outbound_ack(options, 10_000)
    // The library also counts resets of streams whose response is complete.
    unsafe nghttp2_option_set_stream_reset_rate_limit(
      options, UInt64(clamping: settings.floods[.reset]) &+ 1_000_000,
      UInt64(clamping: settings.floods.resets) &+ 1_000_000)
    var session: OpaquePointer?
    var memory = unsafe state.record.memory.functions
    unsafe nghttp2_session_server_new3(&session, callbacks, state.raw, options, &memory)
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

  private static func state(_ context: UnsafeMutableRawPointer?) -> Pinned<HTTP2SessionState> {
    unsafe Pinned(raw: context.unsafelyUnwrapped)
  }

  private static func take(
    _ state: Pinned<HTTP2SessionState>, _ id: Int32, _ event: HTTP2Event
  ) {
    guard let stream = unsafe nghttp2_session_get_stream_user_data(state.record.session, id) else { return }
    unsafe take(state, stream, event)
  }

  private static func take(
    _ state: Pinned<HTTP2SessionState>, _ stream: UnsafeMutableRawPointer, _ event: HTTP2Event
  ) {
    unsafe withUnsafePointer(to: event) {
      unsafe state.record.delegate.pointee.didReceive(state.record.connection, stream, UnsafeRawPointer($0))
    }
  }

  /// Notes a fault, if any, and stops reading.
  private static func check(_ state: Pinned<HTTP2SessionState>, _ fault: Refusal?) -> CInt {
    guard let fault else { return 0 }
    state.record.fault = fault
    return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
  }

  // MARK: Reading

  /// A frame header has arrived: counts floods before the frame causes any work.
  private static let beginFrame: nghttp2_on_begin_frame_callback = { _, header, context in
    let state = unsafe HTTP2Session.state(context)
    let header = unsafe header.unsafelyUnwrapped.pointee
    let limits = state.record.limits
    let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
    let fault: Refusal?
    switch header.type {
    // DATA frames have been counted already.
    case 0x0: fault = nil
    case 0x1:
      if !state.record.isOver(header.stream_id) {
        fault = nil
      } else if state.record.hasPeerEnded(header.stream_id) {
        fault = .frameOnClosedStream
      } else {
        fault = state.record.floods.countLate(.priority, limits)
      }
    // The library ignores all of these.
    case 0x2 where header.stream_id == 0: fault = .malformedFrame
    case 0x3: fault = countReset(state, header.stream_id)
    case 0x4: fault = isAcknowledgement ? nil : state.record.floods.count(.settings, limits)
    case 0x6: fault = isAcknowledgement ? nil : state.record.floods.count(.ping, limits)
    case 0x8: fault = state.record.floods.count(.windowUpdate, limits)
    case 0x9: fault = header.length == 0 ? state.record.floods.count(.emptyFrame, limits) : nil
    default: fault = state.record.floods.count(.priority, limits)
    }
    return check(state, fault)
  }

  /// Counts a reset if it wastes work. A stream with a complete response, or a closed one, has no work left.
  private static func countReset(_ state: Pinned<HTTP2SessionState>, _ id: Int32) -> Refusal? {
    let limits = state.record.limits
    switch unsafe nghttp2_session_get_stream_local_close(state.record.session, id) {
    case 1: return nil
    case 0: return state.record.floods.count(.reset, limits)
    default: return state.record.floods.countLate(.priority, limits)
    }
  }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { session, frame, context in
    let state = unsafe HTTP2Session.state(context)
    let frame = unsafe frame.unsafelyUnwrapped.pointee
    state.record.listSize = 0
    unsafe state.record.reading = nil
    guard unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
    let id = unsafe frame.hd.stream_id
    state.record.noteBegun(id)
    guard let stream = unsafe state.record.delegate.pointee.open(state.record.connection, id) else {
      _ = unsafe nghttp2_submit_rst_stream(
        session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, HTTP2ErrorCode.refusedStream.rawValue)
      if state.record.isInnocent() { return 0 }
      return check(state, state.record.floods.count(.provokedReset, state.record.limits))
    }
    state.record.floods.opened(of: Int(state.record.maxConcurrentStreams))
    unsafe nghttp2_session_set_stream_user_data(session, id, stream)
    unsafe state.record.reading = (id, stream)
    return 0
  }

  private static let header: nghttp2_on_header_callback = { _, frame, name, nameCount, value, valueCount, _, context in
    let state = unsafe HTTP2Session.state(context)
    // Both are at most 64 KiB, nghttp2's own limit.
    state.record.listSize += nameCount + valueCount + 32
    if state.record.listSize > state.record.maxHeaderListSize {
      return check(state, .headerListTooLarge)
    }
    let field = unsafe Field(
      name: Bytes(base: name, count: nameCount), value: Bytes(base: value, count: valueCount))
    let id = unsafe frame.unsafelyUnwrapped.pointee.hd.stream_id
    if let reading = unsafe state.record.reading, unsafe reading.id == id {
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
      if endsStream { take(state, id, .end(trailers: false)) }
    case 0x1:
      unsafe state.record.reading = nil
      if unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST {
        take(state, id, .head(ends: endsStream))
      } else if endsStream {
        take(state, id, .end(trailers: true))
      }
    case 0x4:
      if flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { state.record.isAcknowledged = true }
    case 0x6:
      let isAcknowledgement = flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
      if isAcknowledgement && state.record.ping == .sent { state.record.ping = .acknowledged }
    default: break
    }
    return 0
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { session, id, code, context in
    let state = unsafe HTTP2Session.state(context)
    if unsafe state.record.reading?.id == id { unsafe state.record.reading = nil }
    take(state, id, .closed(code: code))
    state.record.noteClosed(id)
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
    let count = unsafe state.record.delegate.pointee.readableBytes(state.record.connection, stream, limit, &end)
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
    let taken = unsafe state.record.delegate.pointee.writeFrame(state.record.connection, stream, header, count)
    if taken == 0 { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
    state.record.floods.sent(count)
    return taken < 0 ? NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue : 0
  }

  private static let frameSent: nghttp2_on_frame_send_callback = { session, frame, context in
    let state = unsafe HTTP2Session.state(context)
    let frame = unsafe frame.unsafelyUnwrapped.pointee
    let header = unsafe frame.hd
    switch header.type {
    case 0x0, 0x1:
      if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        take(state, header.stream_id, .responseEnded)
      }
    case 0x3:
      // Counts only resets that the peer has caused, not those by a plugin or a deadline.
      switch unsafe frame.rst_stream.error_code {
      case 0, 2, 7, 8, 11: break
      default:
        if let fault = state.record.floods.count(.provokedReset, state.record.limits) {
          state.record.fault = state.record.fault ?? fault
        }
      }
    case 0x7:
      // The library itself has ended the connection.
      if unsafe frame.goaway.error_code != 0 && !state.record.isTerminated && state.record.fault == nil {
        state.record.fault = .malformedFrame
      }
      state.record.isShutdownAnnounced = true
    default: break
    }
    return 0
  }
}
