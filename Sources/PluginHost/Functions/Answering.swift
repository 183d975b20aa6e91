import COutrider
import HTTP
import Platform

/// The acts of an answer, for both styles: check, take the step, hand to the transport.
///
/// The caller holds the send right or runs the handler. Nothing is sent, and nothing has changed, when the outcome
/// is a refusal.
enum Answering {
  static func informational(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int
  ) -> Outcome {
    let outcome = unsafe sendInformational(exchange, status, fields, count)
    note(outcome, exchange)
    return outcome
  }

  private static func note(_ outcome: Outcome, _ exchange: Exchange) {
    guard let slot = Runtime.current?.record.slot else { return }
    switch outcome {
    case .ok:
      slot.addShared(.hintsSent)
      if exchange.record.firstHintAt == 0 { exchange.record.firstHintAt = Clock.monotonic() }
    case .skipped: slot.addShared(.hintsSkipped)
    default: slot.addShared(.hintsRefused)
    }
  }

  /// How much earlier than the final head the first hint was.
  private static func recordHintLead(_ exchange: Exchange) {
    Runtime.current?.record.slot.hintLead.recordShared(Clock.monotonic() &- exchange.record.firstHintAt)
  }

  private static func sendInformational(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int
  ) -> Outcome {
    if let why = exchange.refusal { return why }
    guard let fields = unsafe Fields(fields, count) else {
      return exchange.refuse(.invalid, because: Exchange.faultOfFields(count))
    }
    let before = exchange.record.response
    let outcome = exchange.record.response.informational(status: status, fields: fields)
    guard outcome == .ok else {
      return exchange.refuse(outcome, because: exchange.faultOfInformational(status, fields, outcome))
    }
    let sent = perform(exchange, .informational(status: status, fields: fields))
    if !sent.isAccepted { exchange.record.response = before }
    return sent
  }

  /// A head whose body follows, or, with `whole`, a complete answer.
  static func head(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int,
    whole: BodyPart?, trailersFollow: Bool = false
  ) -> Outcome {
    if let why = exchange.refusal { return why }
    guard let fields = unsafe Fields(fields, count) else {
      return exchange.refuse(.invalid, because: Exchange.faultOfFields(count))
    }
    switch exchange.record.response.judgeHead(status: status, fields: fields, whole: whole?.total) {
    case .refused(let outcome):
      return exchange.refuse(
        outcome, because: exchange.faultOfHead(status, fields, whole: whole?.total, outcome))
    case .accepted(let verdict):
      let copied = whole.map { $0.lease.outlivesCall ? 0 : $0.total } ?? 0
      let (bytes, overflowed) = verdict.bytes.addingReportingOverflow(copied)
      let room = admit(exchange, overflowed ? .max : bytes)
      guard room.isAccepted else { return exchange.refuse(room, because: faultOfSize(bytes)) }
      exchange.record.response.takeHead(status, verdict, whole: whole?.total, trailersFollow: trailersFollow)
      if exchange.record.firstHintAt != 0 { recordHintLead(exchange) }
      return perform(exchange, .head(status: status, fields: fields, verdict: verdict, whole: whole))
    }
  }

  static func body(_ exchange: Exchange, _ part: BodyPart, ends: Bool) -> Outcome {
    if let why = exchange.refusal { return why }
    return advance(exchange, UInt64(part.total), copied: part.lease.outlivesCall ? 0 : part.total, ends: ends) {
      .body(part, $0)
    }
  }

  static func file(_ exchange: Exchange, _ part: FilePart, ends: Bool) -> Outcome {
    if let why = exchange.refusal { return why }
    guard part.descriptor >= 0, !part.offset.addingReportingOverflow(part.length).overflow,
      part.offset + part.length <= UInt64(Int64.max)
    else {
      return exchange.refuse(
        .invalid, because: "file \(part.descriptor), offset \(part.offset), length \(part.length): no part of a file")
    }
    return advance(exchange, part.length, copied: 0, ends: ends) { .file(part, $0) }
  }

  /// One step of the body, of `count` bytes.
  private static func advance(
    _ exchange: Exchange, _ count: UInt64, copied: Int, ends: Bool,
    _ act: (PartFate) -> ResponseAct
  ) -> Outcome {
    let before = exchange.record.response
    let outcome = exchange.record.response.body(count)
    guard outcome.isAccepted else { return exchange.refuse(outcome, because: exchange.faultOfContent(count)) }
    if outcome == .ok {
      let room = admit(exchange, copied)
      guard room.isAccepted else {
        exchange.record.response = before
        return exchange.refuse(room, because: faultOfSize(copied))
      }
    }
    if ends, exchange.record.response.endBody() == .invalid { return cut(exchange) }
    let answerEnds = exchange.record.response.isComplete
    let sent = perform(exchange, act(PartFate(dropped: outcome == .skipped, ends: answerEnds)))
    return sent == .ok ? outcome : sent
  }

  static func trailers(_ exchange: Exchange, _ fields: UnsafePointer<outrider_field>?, _ count: Int) -> Outcome {
    if let why = exchange.refusal { return why }
    guard let fields = unsafe Fields(fields, count) else {
      return exchange.refuse(.invalid, because: Exchange.faultOfFields(count))
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
    case .invalid where hadHead && exchange.record.response.isComplete: return cut(exchange)
    default: return exchange.refuse(outcome, because: exchange.faultOfTrailers(fields))
    }
  }

  /// The end of an answer that was started, where no act of the plugin said so: handle() has returned.
  static func end(_ exchange: Exchange) {
    if exchange.record.response.isComplete { return }
    switch exchange.record.response.trailers(.none, accepted: false) {
    case .skipped, .ok: _ = perform(exchange, .end)
    default: _ = cut(exchange)
    }
  }

  static func abort(_ exchange: Exchange, _ reason: CutReason) -> Outcome {
    if exchange.record.response.isComplete {
      return exchange.refuse(.wrongState, because: "the response has ended already")
    }
    exchange.record.response.abandon()
    return perform(exchange, .abort(reason))
  }

  /// The answer is shorter than it said: the connection is cut so that the client can tell.
  private static func cut(_ exchange: Exchange) -> Outcome {
    _ = exchange.refuse(.invalid, because: exchange.faultOfEnd())
    exchange.record.response.abandon()
    _ = perform(exchange, .abort(.shorterThanAnnounced))
    return .invalid
  }

  private static func faultOfSize(_ bytes: Int) -> String { "\(bytes) bytes to be copied, more than limits.output" }

  private static func admit(_ exchange: Exchange, _ bytes: Int) -> Outcome {
    unsafe Outcome(transport: exchange.record.transport.pointee.admit(exchange.raw, bytes))
  }

  private static func perform(_ exchange: Exchange, _ act: ResponseAct) -> Outcome {
    unsafe withUnsafePointer(to: act) { pointer in
      unsafe Outcome(transport: exchange.record.transport.pointee.perform(exchange.raw, UnsafeRawPointer(pointer)))
    }
  }
}
