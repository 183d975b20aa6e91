import COutrider
import HTTP

/// `outrider_host.send`: the event style's way to answer.
enum EventSending {
  static func send(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ event: UnsafePointer<outrider_event>?
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return Outcome.wrongState.rawValue }
    guard let exchange = runtime.record.exchanges.find(handle) else { return Outcome.closed.rawValue }
    let outcome = unsafe send(exchange, handle, event)
    let status = outcome.rawValue
    if status < 0 && outcome.isMisuse {
      unsafe runtime.record.misuse.note(
        "send", outcome, plugin: HostTable.plugin(host), exchange: handle,
        rule: event == nil ? "event is NULL" : nil)
    }
    return status
  }

  private static func send(
    _ exchange: Exchange, _ handle: outrider_exchange, _ event: UnsafePointer<outrider_event>?
  ) -> Outcome {
    guard let event = unsafe event else { return .invalid }
    let isBlocking = exchange.record.isBlocking
    let generation = UInt32(truncatingIfNeeded: handle.id >> 32)
    if isBlocking {
      guard exchange.isInHandler else { return exchange.handle.id == handle.id ? .wrongThread : .closed }
    } else {
      switch exchange.tryClaim(generation) {
      case .taken: break
      case .busy: return .wrongThread
      case .ended: return .closed
      }
    }
    defer { if !isBlocking { exchange.yieldClaim(generation) } }
    let outcome = unsafe carryOut(event, exchange)
    // From handle(): when the call has returned the host needs nothing of the plugin's any more.
    if isBlocking && outcome.isAccepted { unsafe lease(of: event).end() }
    return outcome
  }

  @inline(never)
  private static func lease(of event: UnsafePointer<outrider_event>) -> Lease {
    let raw = unsafe UnsafeRawPointer(event)
    switch unsafe event.pointee.type {
    case OUTRIDER_EVENT_RESPONSE:
      let event = unsafe raw.load(as: outrider_response_event.self)
      return unsafe Lease(release: event.release, context: event.context)
    case OUTRIDER_EVENT_BODY:
      let event = unsafe raw.load(as: outrider_body_event.self)
      return unsafe Lease(release: event.release, context: event.context)
    case OUTRIDER_EVENT_FILE:
      let event = unsafe raw.load(as: outrider_file_event.self)
      return unsafe Lease(release: event.release, context: event.context)
    default: return .call
    }
  }

  /// Reads no field beyond the event's own size.
  private static func carryOut(_ event: UnsafePointer<outrider_event>, _ exchange: Exchange) -> Outcome {
    let size = unsafe Int(event.pointee.size)
    guard size >= MemoryLayout<outrider_event>.size else { return refuseSize(exchange, size) }
    let raw = unsafe UnsafeRawPointer(event)
    switch unsafe event.pointee.type {
    case OUTRIDER_EVENT_INFORMATIONAL, OUTRIDER_EVENT_START, OUTRIDER_EVENT_TRAILERS:
      guard unsafe size >= MemoryLayout<outrider_head_event>.size else { return refuseSize(exchange, size) }
      return unsafe section(raw.load(as: outrider_head_event.self), exchange)
    case OUTRIDER_EVENT_RESPONSE:
      guard unsafe size >= MemoryLayout<outrider_response_event>.size else { return refuseSize(exchange, size) }
      return unsafe whole(raw.load(as: outrider_response_event.self), exchange)
    case OUTRIDER_EVENT_BODY:
      guard unsafe size >= MemoryLayout<outrider_body_event>.size else { return refuseSize(exchange, size) }
      return unsafe body(raw.load(as: outrider_body_event.self), exchange)
    case OUTRIDER_EVENT_FILE:
      guard unsafe size >= MemoryLayout<outrider_file_event>.size else { return refuseSize(exchange, size) }
      return unsafe file(raw.load(as: outrider_file_event.self), exchange)
    case OUTRIDER_EVENT_ABORT:
      guard size >= MemoryLayout<outrider_notice_event>.size else { return refuseSize(exchange, size) }
      return exchange.refusal ?? Answering.abort(exchange, .aborted)
    case 64...95:
      return exchange.refuse(.unsupported, because: "event type \(unsafe event.pointee.type) is of another extension")
    default:
      return exchange.refuse(
        .invalid, because: "event type \(unsafe event.pointee.type) is not one that a plugin sends")
    }
  }

  private static func refuseSize(_ exchange: Exchange, _ size: Int) -> Outcome {
    exchange.refuse(.invalid, because: "size \(size) is less than that of an event of its type")
  }

  private static func section(_ event: outrider_head_event, _ exchange: Exchange) -> Outcome {
    let count = unsafe event.n_fields
    switch unsafe event.type {
    case OUTRIDER_EVENT_INFORMATIONAL:
      return unsafe Answering.informational(exchange, event.status, event.fields, count)
    case OUTRIDER_EVENT_START:
      return unsafe Answering.head(
        exchange, event.status, event.fields, count, whole: nil,
        trailersFollow: event.flags & OUTRIDER_TRAILERS_FOLLOW != 0)
    default: return unsafe Answering.trailers(exchange, event.fields, count)
    }
  }

  private static func whole(_ event: outrider_response_event, _ exchange: Exchange) -> Outcome {
    guard unsafe Bytes(event.body).isWellFormed else {
      return exchange.refuse(.invalid, because: "body is NULL, or its size is negative")
    }
    return unsafe withUnsafePointer(to: event.body) { chunk in
      let part = unsafe BodyPart(
        chunks: chunk, count: 1, total: Int(event.body.size),
        lease: taking(event.release, event.context, exchange), tag: exchange.record.isBlocking ? 0 : event.tag)
      return unsafe Answering.head(exchange, event.status, event.fields, event.n_fields, whole: part)
    }
  }

  private static func body(_ event: outrider_body_event, _ exchange: Exchange) -> Outcome {
    guard unsafe Bytes(event.bytes).isWellFormed else {
      return exchange.refuse(.invalid, because: "bytes is NULL, or its size is negative")
    }
    return unsafe withUnsafePointer(to: event.bytes) { chunk in
      let part = unsafe BodyPart(
        chunks: chunk, count: 1, total: Int(event.bytes.size),
        lease: taking(event.release, event.context, exchange), tag: exchange.record.isBlocking ? 0 : event.tag)
      return unsafe Answering.body(exchange, part, ends: event.more == 0)
    }
  }

  private static func file(_ event: outrider_file_event, _ exchange: Exchange) -> Outcome {
    let part = unsafe FilePart(
      descriptor: event.fd, offset: event.offset, length: event.length,
      lease: taking(event.release, event.context, exchange), tag: exchange.record.isBlocking ? 0 : event.tag)
    return unsafe Answering.file(exchange, part, ends: event.more == 0)
  }

  /// What a part of an event lends: in the blocking style nothing beyond the call.
  private static func taking(
    _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, _ context: UnsafeMutableRawPointer?,
    _ exchange: Exchange
  ) -> Lease {
    exchange.record.isBlocking ? .call : unsafe Lease(release: release, context: context)
  }
}
