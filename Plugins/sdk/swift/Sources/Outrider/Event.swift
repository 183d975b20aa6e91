import COutriderPlugin

/// What the host tells of an exchange in event style. Its bytes are valid during the call.
@safe
public enum Event: ~Escapable {
  /// A piece of the request's body, one for each that `Exchange.receive` has allowed. Only the last may be empty.
  case body(Bytes, isLast: Bool)
  /// The trailer fields of the request, after its last piece.
  case trailers(ReceivedFields)
  /// The exchange is over: only `close` follows.
  case disconnected(OutriderError.Code)
  /// The worker is draining: finish soon, nothing is cut off yet.
  case draining
  /// There is room again, after `.paused` or `.again`.
  case resume
  /// The kernel has all bytes of the event with this tag.
  case sent(tag: UInt64)
  /// A whole text message of a WebSocket, in UTF-8; one for each that `Exchange.receive` has allowed.
  case text(Bytes)
  /// A whole binary message likewise.
  case binary(Bytes)
  /// The WebSocket is closed, by the client or the host: nothing more can be sent.
  case closed(WebSocketCloseCode, reason: Bytes, isByHost: Bool)

  /// nil: an event of a later version, which is to be ignored.
  @_lifetime(immortal)
  init?(_ raw: UnsafePointer<outrider_event>) {
    switch unsafe raw.pointee.type {
    case OUTRIDER_EVENT_REQUEST:
      let event = unsafe UnsafeRawPointer(raw).assumingMemoryBound(to: outrider_body_event.self)
      self = unsafe .body(Bytes(event.pointee.bytes), isLast: event.pointee.more == 0)
    case OUTRIDER_EVENT_REQUEST_TRAILERS:
      let event = unsafe UnsafeRawPointer(raw).assumingMemoryBound(to: outrider_head_event.self)
      self = unsafe .trailers(ReceivedFields(event.pointee.fields, count: event.pointee.n_fields))
    case OUTRIDER_EVENT_DISCONNECT:
      let event = unsafe UnsafeRawPointer(raw).assumingMemoryBound(to: outrider_notice_event.self)
      self = .disconnected(OutriderError.Code(rawValue: unsafe event.pointee.reason))
    case OUTRIDER_EVENT_DRAINING: self = .draining
    case OUTRIDER_EVENT_RESUME: self = .resume
    case OUTRIDER_EVENT_SENT: self = .sent(tag: unsafe raw.pointee.tag)
    case OUTRIDER_EVENT_WEBSOCKET_MESSAGE:
      let event = unsafe UnsafeRawPointer(raw).assumingMemoryBound(to: outrider_body_event.self)
      let bytes = unsafe Bytes(event.pointee.bytes)
      self = unsafe event.pointee.flags & OUTRIDER_WEBSOCKET_TEXT != 0 ? .text(bytes) : .binary(bytes)
    case OUTRIDER_EVENT_WEBSOCKET_CLOSE:
      let event = unsafe UnsafeRawPointer(raw).assumingMemoryBound(to: outrider_websocket_close_event.self)
      let code = WebSocketCloseCode(rawValue: UInt16(truncatingIfNeeded: unsafe event.pointee.code))
      self = unsafe .closed(code, reason: Bytes(event.pointee.reason), isByHost: event.pointee.by_host != 0)
    default: return nil
    }
  }
}
