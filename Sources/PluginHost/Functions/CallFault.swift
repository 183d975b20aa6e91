import COutrider
import HTTP

/// What is wrong with a call that breaks a rule, in words for the log: made only when one does.
///
/// Whoever refuses the call leaves it with the exchange, and `MisuseLog` takes it from there.
extension Exchange {
  /// Notes what was wrong, and gives the outcome back.
  @inline(never)
  func refuse(_ outcome: Outcome, because fault: @autoclosure () -> String) -> Outcome {
    if outcome.isMisuse { record.callFault = (outcome, fault()) }
    return outcome
  }

  /// What a refused informational response breaks.
  func faultOfInformational(_ status: UInt32, _ fields: Fields, _ outcome: Outcome) -> String {
    switch outcome {
    case .wrongState: return "the final head is out already"
    case .limit:
      return
        "more than early_hints.max_per_request, or its fields take more than early_hints.max_bytes or the client's limit"
    default:
      if !(102...199).contains(status) { return "status \(status) is not 102 to 199" }
      return FieldValidation.objection(to: fields, for: .informational) ?? "its fields"
    }
  }

  /// What a refused final head breaks.
  func faultOfHead(_ status: UInt32, _ fields: Fields, whole: Int?, _ outcome: Outcome) -> String {
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
  func faultOfContent(_ count: UInt64) -> String {
    if !record.response.hasHead { return "content before the final head" }
    if record.response.isComplete { return "content after the end of the response" }
    if case .remaining(let due) = record.response.bounds {
      return "\(count) bytes of content, and of content-length \(due) are left"
    }
    return "content where trailers are due"
  }

  /// What an end that comes too early breaks.
  func faultOfEnd() -> String {
    if case .remaining(let due) = record.response.bounds {
      return "the response ends \(due) bytes before its content-length"
    }
    return "the response ends too early"
  }

  func faultOfTrailers(_ fields: Fields) -> String {
    if !record.response.hasHead { return "trailers before the final head" }
    return FieldValidation.objection(to: fields, for: .trailers) ?? "trailers after the end of the response"
  }

  static func faultOfFields(_ count: Int) -> String {
    "fields is NULL, or their number \(count) is not 0 to \(Fields.maximum)"
  }
}
