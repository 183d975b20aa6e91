/// The state machine of a response: what a plugin may send next, in either style and over every protocol.
///
/// Each method checks one part and, if it accepts the part, advances the state; the caller then sends the part. A final
/// head, whose sender may have to wait for room in between, has one method for the check and one for the step.
package struct ResponseState {
  private enum Phase: UInt8 {
    /// There is no final head yet: informational responses may be sent.
    case awaitingHead
    case body
    /// The body is complete, and announced trailers have yet to come.
    case trailersDue
    /// Frames of a WebSocket follow the head.
    case webSocket
    case complete
  }

  /// How the body of the final response is bounded.
  package enum BodyBounds: Equatable {
    /// The response has no body: HEAD, 204, 205, 304. Bytes are accepted and dropped.
    case absent
    /// That many bytes have yet to come.
    case remaining(Int64)
    /// The plugin determines the end.
    case open

    package var isAbsent: Bool { if case .absent = self { true } else { false } }
  }

  private var phase = Phase.awaitingHead
  private var trailersAnnounced = false
  package private(set) var bounds = BodyBounds.open
  package private(set) var hintsSent = 0
  private let hints: EarlyHintPolicy
  private let isHead: Bool
  private let version: HTTPVersion

  /// - Parameters:
  ///   - traits: of the request.
  ///   - hints: whether and how many informational responses may be sent.
  package init(version: HTTPVersion, traits: RequestTraits, hints: EarlyHintPolicy) {
    self.version = version
    self.hints = hints
    isHead = traits.contains(.head)
  }

  /// A final head has been accepted.
  package var hasHead: Bool { phase != .awaitingHead }
  package var isComplete: Bool { phase == .complete }

  // MARK: The parts

  /// Checks an informational response (RFC 9110 section 15.2). `.ok` means that it is to be sent now.
  package mutating func informational(status: UInt32, fields: Fields) -> CallStatus {
    guard phase == .awaitingHead else { return .wrongState }
    guard status >= 102 && status <= 199 else { return .invalid }
    guard let verdict = FieldValidation.check(fields, for: .informational) else { return .invalid }
    if fields.count == 0 || !hints.allowed { return .skipped }
    guard hints.brokenLimit(fields, verdict, sent: hintsSent) == nil else { return .limit }
    hintsSent += 1
    return .ok
  }

  /// The limit that an informational response with these fields exceeds, given those already sent.
  package func brokenHintLimit(_ fields: Fields) -> EarlyHintPolicy.Limit? {
    FieldValidation.check(fields, for: .informational).flatMap { hints.brokenLimit(fields, $0, sent: hintsSent) }
  }

  /// Checks a final head without advancing the state. `whole`: the length of the body if it comes with the head and
  /// ends the response.
  @inline(__always)
  package func judgeHead(status: UInt32, fields: Fields, whole: Int?) -> HeadOutcome {
    guard phase == .awaitingHead else { return .refused(.wrongState) }
    guard status >= 200 && status <= 999 else { return .refused(.invalid) }
    guard let verdict = FieldValidation.check(fields, for: .final) else { return .refused(.invalid) }
    if ResponseState.isBodiless(status) { return ResponseState.judgeBodiless(status, verdict, whole: whole) }
    // The response to HEAD may have the length of the content that is not sent (RFC 9110 section 8.6).
    if let whole, let said = verdict.contentLength, said != Int64(whole), !(isHead && whole == 0) {
      return .refused(.invalid)
    }
    return .accepted(verdict)
  }

  /// The same for a status without content. 304 may have the length of the content that is not sent (RFC 9110 section
  /// 8.6).
  @inline(never)
  private static func judgeBodiless(
    _ status: UInt32, _ verdict: FieldValidation.Verdict, whole: Int?
  ) -> HeadOutcome {
    if let whole, whole > 0 { return .refused(.invalid) }
    if status == 204 && verdict.contentLength != nil { return .refused(.invalid) }
    // 205 means that there is no content; a length of other content makes no sense (RFC 9110 section 15.3.6).
    if status == 205, let said = verdict.contentLength, said != 0 { return .refused(.invalid) }
    return .accepted(verdict)
  }

  /// Advances the state after a head that `judgeHead` has accepted.
  @inline(__always)
  package mutating func takeHead(
    _ status: UInt32, _ verdict: FieldValidation.Verdict, whole: Int?, trailersFollow: Bool
  ) {
    assert(phase == .awaitingHead)
    if isHead || ResponseState.isBodiless(status) {
      bounds = .absent
    } else if let length = whole.map(Int64.init) ?? verdict.contentLength {
      bounds = .remaining(length)
    } else {
      bounds = .open
    }
    trailersAnnounced = trailersFollow
    phase = whole == nil ? .body : .complete
  }

  private static func isBodiless(_ status: UInt32) -> Bool { status == 204 || status == 205 || status == 304 }

  package enum HeadOutcome {
    case accepted(FieldValidation.Verdict)
    case refused(CallStatus)
  }

  /// Accepts `count` bytes of body. `.skipped`: they are to be dropped.
  package mutating func body(_ count: UInt64) -> CallStatus {
    guard phase == .body else { return .wrongState }
    switch bounds {
    case .absent: return .skipped
    case .open: return .ok
    case .remaining(let due):
      guard count <= UInt64(due) else { return .invalid }
      bounds = .remaining(due - Int64(count))
      return .ok
    }
  }

  /// Whether the response has its announced length if it ends after `count` more bytes.
  package func mayEnd(after count: UInt64) -> Bool {
    guard case .remaining(let due) = bounds else { return true }
    return UInt64(due) == count
  }

  /// Completes the body. `.invalid`: it is shorter than announced, so that the response has to be aborted.
  package mutating func endBody() -> CallStatus {
    guard phase == .body else { return .wrongState }
    guard mayEnd(after: 0) else {
      phase = .complete
      return .invalid
    }
    phase = trailersAnnounced ? .trailersDue : .complete
    return .ok
  }

  /// Accepts trailer fields, which end the response. `.skipped`: the response ends, and the fields are not sent.
  package mutating func trailers(_ fields: Fields, accepted: Bool) -> CallStatus {
    guard phase == .trailersDue || phase == .body else { return .wrongState }
    guard FieldValidation.check(fields, for: .trailers) != nil else { return .invalid }
    guard mayEnd(after: 0) else {
      phase = .complete
      return .invalid
    }
    phase = .complete
    return accepted && mayCarryTrailers && fields.count > 0 ? .ok : .skipped
  }

  /// HTTP/1 needs chunked coding for trailers; in HTTP/2 every response with a body can have them.
  private var mayCarryTrailers: Bool {
    switch version {
    case .http10: false
    case .http11: bounds == .open
    case .http2: !bounds.isAbsent
    }
  }

  /// Accepts the head of a WebSocket, whose frames follow; false if there is a head already.
  package mutating func takeWebSocket() -> Bool {
    guard phase == .awaitingHead else { return false }
    bounds = .open
    phase = .webSocket
    return true
  }

  /// The WebSocket is over.
  package mutating func endWebSocket() { phase = .complete }

  /// Aborts the response.
  package mutating func abort() { phase = .complete }
}
