import COutrider
import HTTP

/// The rule that a misused call breaks, as text for the log, which is made only then.
///
/// `refuse` stores it in the exchange, and `MisuseLog` logs it.
struct BrokenRule: Sendable {
  let outcome: CallStatus
  let rule: String
}

extension Exchange {
  /// Stores the broken rule, and returns the status.
  @inline(never)
  func refuse(_ outcome: CallStatus, because rule: @autoclosure () -> String) -> CallStatus {
    guard outcome.isMisuse else { return outcome }
    let broken = BrokenRule(outcome: outcome, rule: rule())
    record.brokenRule.withLock { $0 = broken }
    return outcome
  }

  /// What a refused informational response breaks.
  func ruleBrokenByInformational(_ status: UInt32, _ fields: Fields, _ outcome: CallStatus) -> String {
    switch outcome {
    case .wrongState: return "the final head is out already"
    case .limit:
      switch record.response.brokenHintLimit(fields) {
      case .perRequest(let limit)?: return "one more than early_hints.max_per_request, \(limit)"
      case .bytes(let count, let limit)?: return "its fields take \(count) bytes, and early_hints.max_bytes is \(limit)"
      case .listSize(let size, let limit)?:
        return "its header list takes \(size) bytes, and the client's SETTINGS_MAX_HEADER_LIST_SIZE is \(limit)"
      case nil: return "a limit"
      }
    default:
      if !(102...199).contains(status) { return "status \(status) is not 102 to 199" }
      return FieldValidation.objection(to: fields, for: .informational) ?? "its fields"
    }
  }

  /// What a refused final head breaks.
  func ruleBrokenByHead(_ status: UInt32, _ fields: Fields, whole: Int?, _ outcome: CallStatus) -> String {
    if outcome == .wrongState { return "a final head has been sent already" }
    if !(200...999).contains(status) { return "status \(status) is not 200 to 999" }
    if let objection = FieldValidation.objection(to: fields, for: .final) { return objection }
    if [204, 205, 304].contains(status), let whole, whole > 0 {
      return "status \(status) has no content, and there are \(whole) bytes"
    }
    if status == 204 { return "status 204 has no content-length (RFC 9110 section 8.6)" }
    if status == 205 { return "status 205 has no content-length but 0 (RFC 9110 section 15.3.6)" }
    let length = FieldValidation.check(fields, for: .final)?.contentLength ?? 0
    return "content-length is \(length), and the content has \(whole ?? 0) bytes"
  }

  /// What refused content breaks.
  func ruleBrokenByContent(_ count: UInt64) -> String {
    if !record.response.hasHead { return "content before the final head" }
    if record.response.isComplete { return "content after the end of the response" }
    if case .remaining(let due) = record.response.bounds {
      return "\(count) bytes of content, and of content-length \(due) are left"
    }
    return "content where trailers are due"
  }

  /// What an end that comes too early breaks.
  func ruleBrokenByEnd() -> String {
    if case .remaining(let due) = record.response.bounds {
      return "the response ends \(due) bytes before its content-length"
    }
    return "the response ends too early"
  }

  func ruleBrokenByTrailers(_ fields: Fields) -> String {
    if !record.response.hasHead { return "trailers before the final head" }
    return FieldValidation.objection(to: fields, for: .trailers) ?? "trailers after the end of the response"
  }

  static func ruleBrokenByFields(_ count: Int) -> String {
    "fields is NULL, or their number \(count) is not 0 to \(Fields.maximum)"
  }
}
