import COutrider
import HTTP

/// `outrider_host.send` and related functions: how a plugin of the event style responds.
enum EventSending {
  static func send(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ event: UnsafePointer<outrider_event>?
  ) -> outrider_status {
    unsafe perform("send", host, handle) { exchange in
      guard let event = unsafe event else { return exchange.refuse(.invalid, because: "event is NULL") }
      let outcome = unsafe carryOut(event, exchange)
      // In handle() no memory of the plugin is in use after the call.
      if exchange.record.isBlocking && outcome.isAccepted { unsafe lease(of: event).releaseMemory() }
      return outcome
    }
  }

  /// Performs a sending call on the exchange of `handle`, while nobody else sends on it.
  ///
  /// - Parameter call: its name, for the log.
  @inline(__always)
  static func perform(
    _ call: StaticString, _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange,
    _ act: (Exchange) -> CallStatus
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard let exchange = runtime.record.exchanges.find(handle) else { return CallStatus.closed.rawValue }
    let outcome: CallStatus
    if exchange.record.isBlocking {
      if exchange.isInHandler {
        outcome = act(exchange)
      } else {
        outcome = exchange.handle.id == handle.id ? .wrongThread : .closed
      }
    } else {
      let epoch = UInt32(truncatingIfNeeded: handle.id >> 32)
      switch exchange.tryLockSending(epoch) {
      case .acquired:
        outcome = act(exchange)
        exchange.unlockSending(epoch)
      case .busy: outcome = .wrongThread
      case .ended: outcome = .closed
      }
    }
    if outcome.rawValue < 0 { unsafe note(runtime, call, outcome, host, handle) }
    return outcome.rawValue
  }

  @inline(never)
  private static func note(
    _ runtime: Runtime, _ call: StaticString, _ outcome: CallStatus, _ host: UnsafePointer<outrider_host>?,
    _ handle: outrider_exchange
  ) {
    guard outcome.isMisuse else { return }
    unsafe runtime.record.misuse.note(call, outcome, plugin: HostTable.plugin(host), exchange: handle, rule: nil)
  }

  @inline(never)
  private static func lease(of event: UnsafePointer<outrider_event>) -> Lease {
    // The size has been checked: the event has all members of 1.0, whose offsets are fixed.
    let raw = unsafe UnsafeRawPointer(event)
    switch unsafe event.pointee.type {
    case OUTRIDER_EVENT_RESPONSE:
      let event = unsafe raw.assumingMemoryBound(to: outrider_response_event.self)
      return unsafe Lease(release: event.pointee.release, context: event.pointee.context)
    case OUTRIDER_EVENT_BODY, OUTRIDER_EVENT_WEBSOCKET_MESSAGE:
      let event = unsafe raw.assumingMemoryBound(to: outrider_body_event.self)
      return unsafe Lease(release: event.pointee.release, context: event.pointee.context)
    case OUTRIDER_EVENT_FILE:
      let event = unsafe raw.assumingMemoryBound(to: outrider_file_event.self)
      return unsafe Lease(release: event.pointee.release, context: event.pointee.context)
    default: return .call
    }
  }

  /// Reads no field beyond the event's own size.
  private static func carryOut(_ event: UnsafePointer<outrider_event>, _ exchange: Exchange) -> CallStatus {
    let size = unsafe Int(event.pointee.size)
    guard size >= Int(OUTRIDER_EVENT_SIZE_1_0) else { return refuseSize(exchange, size) }
    let raw = unsafe UnsafeRawPointer(event)
    switch unsafe event.pointee.type {
    case OUTRIDER_EVENT_INFORMATIONAL, OUTRIDER_EVENT_START, OUTRIDER_EVENT_TRAILERS:
      let event = unsafe ABI.structure(
        at: raw, size: size, least: OUTRIDER_HEAD_EVENT_SIZE_1_0, outrider_head_event.self)
      return unsafe event.map { unsafe section($0, exchange) } ?? refuseSize(exchange, size)
    case OUTRIDER_EVENT_RESPONSE:
      let event = unsafe ABI.structure(
        at: raw, size: size, least: OUTRIDER_RESPONSE_EVENT_SIZE_1_0, outrider_response_event.self)
      return unsafe event.map { unsafe whole($0, exchange) } ?? refuseSize(exchange, size)
    case OUTRIDER_EVENT_BODY:
      let event = unsafe ABI.structure(
        at: raw, size: size, least: OUTRIDER_BODY_EVENT_SIZE_1_0, outrider_body_event.self)
      return unsafe event.map { unsafe body($0, exchange) } ?? refuseSize(exchange, size)
    case OUTRIDER_EVENT_FILE:
      let event = unsafe ABI.structure(
        at: raw, size: size, least: OUTRIDER_FILE_EVENT_SIZE_1_0, outrider_file_event.self)
      return unsafe event.map { unsafe file($0, exchange) } ?? refuseSize(exchange, size)
    case OUTRIDER_EVENT_ABORT:
      let event = unsafe ABI.structure(
        at: raw, size: size, least: OUTRIDER_NOTICE_EVENT_SIZE_1_0, outrider_notice_event.self)
      return event.map { abort(exchange, $0.reason) } ?? refuseSize(exchange, size)
    case OUTRIDER_EVENT_WEBSOCKET_MESSAGE:
      let event = unsafe ABI.structure(
        at: raw, size: size, least: OUTRIDER_BODY_EVENT_SIZE_1_0, outrider_body_event.self)
      return unsafe event.map { unsafe message($0, exchange) } ?? refuseSize(exchange, size)
    case 64...127:
      return exchange.refuse(.unsupported, because: "event type \(unsafe event.pointee.type) is of another extension")
    default:
      return exchange.refuse(
        .invalid, because: "event type \(unsafe event.pointee.type) is not one that a plugin sends")
    }
  }

  static func abort(_ exchange: Exchange, _ reason: outrider_status) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard reason <= 0 else { return exchange.refuse(.invalid, because: "reason \(reason) is positive") }
    if reason == 0 || exchange.record.response.hasHead { return ResponseWriter.abort(exchange, .aborted) }
    return ResponseWriter.abort(exchange, reason == OUTRIDER_E_CANCELLED ? .timedOut : .failed)
  }

  private static func refuseSize(_ exchange: Exchange, _ size: Int) -> CallStatus {
    exchange.refuse(.invalid, because: "size \(size) is less than that of an event of its type")
  }

  private static func section(_ event: outrider_head_event, _ exchange: Exchange) -> CallStatus {
    let count = unsafe event.n_fields
    switch unsafe event.type {
    case OUTRIDER_EVENT_INFORMATIONAL:
      return unsafe ResponseWriter.informational(exchange, event.status, event.fields, count)
    case OUTRIDER_EVENT_START:
      return unsafe ResponseWriter.head(
        exchange, event.status, event.fields, count, whole: nil,
        trailersFollow: event.flags & OUTRIDER_TRAILERS_FOLLOW != 0)
    default: return unsafe ResponseWriter.trailers(exchange, event.fields, count)
    }
  }

  private static func whole(_ event: outrider_response_event, _ exchange: Exchange) -> CallStatus {
    unsafe whole(
      exchange, event.status, event.fields, event.n_fields, event.body,
      lease: taking(event.release, event.context, exchange), tag: exchange.record.isBlocking ? 0 : event.tag)
  }

  /// A complete response.
  @inline(__always)
  static func whole(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int,
    _ body: outrider_bytes, lease: Lease, tag: UInt64
  ) -> CallStatus {
    guard unsafe Bytes(body).isWellFormed else {
      return exchange.refuse(.invalid, because: "body is NULL, or its size is negative")
    }
    return unsafe withUnsafePointer(to: body) { chunk in
      let part = unsafe BodyPart(chunks: chunk, count: 1, total: Int(body.size), lease: lease, tag: tag)
      return unsafe ResponseWriter.head(exchange, status, fields, count, whole: part)
    }
  }

  private static func body(_ event: outrider_body_event, _ exchange: Exchange) -> CallStatus {
    unsafe body(
      exchange, event.bytes, more: event.more, lease: taking(event.release, event.context, exchange),
      tag: exchange.record.isBlocking ? 0 : event.tag)
  }

  /// A message of a WebSocket, or a part of one.
  private static func message(_ event: outrider_body_event, _ exchange: Exchange) -> CallStatus {
    unsafe WebSocketWriter.message(
      exchange, event.bytes, isText: event.flags & OUTRIDER_WEBSOCKET_TEXT != 0, more: event.more != 0,
      taking(event.release, event.context, exchange), tag: event.tag)
  }

  /// A part of the content.
  static func body(
    _ exchange: Exchange, _ bytes: outrider_bytes, more: UInt32, lease: Lease, tag: UInt64
  ) -> CallStatus {
    guard unsafe Bytes(bytes).isWellFormed else {
      return exchange.refuse(.invalid, because: "bytes is NULL, or its size is negative")
    }
    return unsafe withUnsafePointer(to: bytes) { chunk in
      let part = unsafe BodyPart(chunks: chunk, count: 1, total: Int(bytes.size), lease: lease, tag: tag)
      return ResponseWriter.body(exchange, part, ends: more == 0)
    }
  }

  private static func file(_ event: outrider_file_event, _ exchange: Exchange) -> CallStatus {
    let part = unsafe FilePart(
      descriptor: event.fd, offset: event.offset, length: event.length,
      lease: taking(event.release, event.context, exchange), tag: exchange.record.isBlocking ? 0 : event.tag)
    return unsafe ResponseWriter.file(exchange, part, ends: event.more == 0)
  }

  /// The lease of an event's memory; in the blocking style it ends with the call.
  private static func taking(
    _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, _ context: UnsafeMutableRawPointer?,
    _ exchange: Exchange
  ) -> Lease {
    exchange.record.isBlocking ? .call : unsafe Lease(release: release, context: context)
  }
}
