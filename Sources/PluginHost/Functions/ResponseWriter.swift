import COutrider
import HTTP
import Platform

/// Writes the parts of a response, for both styles: validates a part, advances the state, and passes it to the transport.
///
/// The caller holds the send lock or runs the handler. A refused part changes nothing, and nothing is sent.
enum ResponseWriter {
  static func informational(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int
  ) -> CallStatus {
    let outcome = unsafe sendInformational(exchange, status, fields, count)
    countHint(outcome, exchange)
    return outcome
  }

  private static func countHint(_ outcome: CallStatus, _ exchange: Exchange) {
    guard let slot = Runtime.current?.record.slot else { return }
    switch outcome {
    case .ok:
      slot.addShared(.hintsSent)
      if exchange.record.firstHintAt == 0 { exchange.record.firstHintAt = Clock.monotonic() }
    case .skipped: slot.addShared(.hintsSkipped)
    default: slot.addShared(.hintsRefused)
    }
  }

  /// Records the time from the first hint to the final head.
  private static func recordHintLead(_ exchange: Exchange) {
    Runtime.current?.record.slot.hintLead.recordShared(Clock.monotonic() &- exchange.record.firstHintAt)
  }

  private static func sendInformational(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int
  ) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard let fields = unsafe Fields(fields, count) else {
      return exchange.refuse(.invalid, because: Exchange.ruleBrokenByFields(count))
    }
    let before = exchange.record.response
    let outcome = exchange.record.response.informational(status: status, fields: fields)
    guard outcome == .ok else {
      return exchange.refuse(outcome, because: exchange.ruleBrokenByInformational(status, fields, outcome))
    }
    let sent = perform(exchange, .informational(status: status, fields: fields))
    if !sent.isAccepted { exchange.record.response = before }
    return sent
  }

  /// A head whose content follows, or, with `whole`, a complete response.
  static func head(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int,
    whole: BodyPart?, trailersFollow: Bool = false
  ) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard let fields = unsafe Fields(fields, count) else {
      return exchange.refuse(.invalid, because: Exchange.ruleBrokenByFields(count))
    }
    switch exchange.record.response.judgeHead(status: status, fields: fields, whole: whole?.total) {
    case .refused(let outcome):
      return exchange.refuse(
        outcome, because: exchange.ruleBrokenByHead(status, fields, whole: whole?.total, outcome))
    case .accepted(let verdict):
      let copied = whole.map { $0.lease.outlivesCall ? 0 : $0.total } ?? 0
      let (bytes, overflowed) = verdict.bytes.addingReportingOverflow(copied)
      let room = reserve(exchange, overflowed ? .max : bytes)
      guard room.isAccepted else { return exchange.refuse(room, because: ruleBrokenBySize(bytes)) }
      exchange.record.response.takeHead(status, verdict, whole: whole?.total, trailersFollow: trailersFollow)
      if exchange.record.firstHintAt != 0 { recordHintLead(exchange) }
      return perform(exchange, .head(status: status, fields: fields, verdict: verdict, whole: whole))
    }
  }

  static func body(_ exchange: Exchange, _ part: BodyPart, ends: Bool) -> CallStatus {
    if let why = exchange.refusal { return why }
    return advance(exchange, UInt64(part.total), copied: part.lease.outlivesCall ? 0 : part.total, ends: ends) {
      .body(part, $0)
    }
  }

  static func file(_ exchange: Exchange, _ part: FilePart, ends: Bool) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard part.descriptor >= 0, !part.offset.addingReportingOverflow(part.length).overflow,
      part.offset + part.length <= UInt64(Int64.max)
    else {
      return exchange.refuse(
        .invalid, because: "file \(part.descriptor), offset \(part.offset), length \(part.length): no part of a file")
    }
    return advance(exchange, part.length, copied: 0, ends: ends) { .file(part, $0) }
  }

  /// Advances the body by `count` bytes.
  private static func advance(
    _ exchange: Exchange, _ count: UInt64, copied: Int, ends: Bool,
    _ act: (PartDisposition) -> ResponsePart
  ) -> CallStatus {
    let before = exchange.record.response
    let outcome = exchange.record.response.body(count)
    guard outcome.isAccepted else { return exchange.refuse(outcome, because: exchange.ruleBrokenByContent(count)) }
    if outcome == .ok {
      let room = reserve(exchange, copied)
      guard room.isAccepted else {
        exchange.record.response = before
        return exchange.refuse(room, because: ruleBrokenBySize(copied))
      }
    }
    if ends, exchange.record.response.endBody() == .invalid { return abortIncomplete(exchange) }
    let responseEnds = exchange.record.response.isComplete
    let sent = perform(exchange, act(PartDisposition(dropped: outcome == .skipped, ends: responseEnds)))
    return sent == .ok ? outcome : sent
  }

  static func trailers(_ exchange: Exchange, _ fields: UnsafePointer<outrider_field>?, _ count: Int) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard let fields = unsafe Fields(fields, count) else {
      return exchange.refuse(.invalid, because: Exchange.ruleBrokenByFields(count))
    }
    let hadHead = exchange.record.response.hasHead
    let outcome = exchange.record.response.trailers(
      fields, accepted: exchange.record.traits.contains(.acceptsTrailers))
    switch outcome {
    case .ok:
      let sent = perform(exchange, .trailers(fields))
      return sent.isAccepted ? .ok : sent
    case .skipped:
      let sent = perform(exchange, .end)
      return sent.isAccepted ? .skipped : sent
    case .invalid where hadHead && exchange.record.response.isComplete: return abortIncomplete(exchange)
    default: return exchange.refuse(outcome, because: exchange.ruleBrokenByTrailers(fields))
    }
  }

  /// Ends a response that handle() has begun and not ended.
  static func finish(_ exchange: Exchange) {
    if exchange.record.response.isComplete { return }
    switch exchange.record.response.trailers(.none, accepted: false) {
    case .skipped, .ok: _ = perform(exchange, .end)
    // No call is refused: a rule that nobody logs would be told with the next exchange in this place.
    default: cutShort(exchange)
    }
  }

  static func abort(_ exchange: Exchange, _ reason: AbortReason) -> CallStatus {
    if exchange.record.response.isComplete {
      // The call that was to end it may have come to nothing.
      if let why = exchange.cancelled { return why }
      return exchange.refuse(.wrongState, because: "the response has ended already")
    }
    exchange.record.response.abort()
    return perform(exchange, .abort(reason))
  }

  /// Refuses a call that ends the response too early.
  private static func abortIncomplete(_ exchange: Exchange) -> CallStatus {
    let refused = exchange.refuse(.invalid, because: exchange.ruleBrokenByEnd())
    cutShort(exchange)
    return refused
  }

  /// The content is shorter than announced: the response is aborted, so that the client can tell.
  private static func cutShort(_ exchange: Exchange) {
    exchange.record.response.abort()
    _ = perform(exchange, .abort(.shorterThanContentLength))
  }

  private static func ruleBrokenBySize(_ bytes: Int) -> String {
    "\(bytes) bytes to be copied, more than limits.output"
  }

  static func reserve(_ exchange: Exchange, _ bytes: Int) -> CallStatus {
    unsafe CallStatus(transport: exchange.record.transport.pointee.reserve(exchange.raw, bytes))
  }

  static func perform(_ exchange: Exchange, _ act: ResponsePart) -> CallStatus {
    unsafe withUnsafePointer(to: act) { pointer in
      unsafe CallStatus(transport: exchange.record.transport.pointee.perform(exchange.raw, UnsafeRawPointer(pointer)))
    }
  }
}
