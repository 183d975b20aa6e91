/// The one state machine of an answer: what a plugin may send next, in either style and over every protocol.
///
/// Each method judges one act and, if it accepts it, takes the step; whoever calls then sends. Nothing here knows how. A
/// final head, whose sender may have to wait for room between the two, has a method for each.
package struct ResponseState {
  private enum Phase: UInt8 {
    /// No final head yet: informational responses may go out.
    case awaitingHead
    case body
    /// The body is complete, trailers were announced and are still due.
    case trailersDue
    case complete
  }

  /// How the final answer's body is bounded.
  package enum BodyBounds: Equatable {
    /// The answer has none: HEAD, 204, 205, 304. Bytes are accepted and dropped.
    case absent
    /// This many bytes are still due.
    case remaining(Int64)
    /// It ends when the plugin says so.
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
  ///   - traits: of the request that is answered.
  ///   - hints: whether and how many informational responses may go out.
  package init(version: HTTPVersion, traits: RequestTraits, hints: EarlyHintPolicy) {
    self.version = version
    self.hints = hints
    isHead = traits.contains(.head)
  }

  /// A final head has been accepted.
  package var hasHead: Bool { phase != .awaitingHead }
  package var isComplete: Bool { phase == .complete }

  // MARK: The acts

  /// An informational response (RFC 9110 section 15.2). `.ok` means: send it now.
  package mutating func informational(status: UInt32, fields: Fields) -> Outcome {
    guard phase == .awaitingHead else { return .wrongState }
    guard status >= 102 && status <= 199 else { return .invalid }
    guard let verdict = FieldValidation.check(fields, for: .informational) else { return .invalid }
    if fields.count == 0 || !hints.allowed { return .skipped }
    // A line has ": " and CR LF besides name and value.
    guard verdict.bytes + 4 * fields.count <= hints.maxBytes, hintsSent < hints.maxPerRequest else { return .limit }
    // And the list has :status.
    guard verdict.bytes + 32 * fields.count + 42 <= hints.maxListSize else { return .limit }
    hintsSent += 1
    return .ok
  }

  /// Judges a final head, and takes no step. `whole`: the length of the body if it comes with the head and ends the answer.
  @inline(__always)
  package func judgeHead(status: UInt32, fields: Fields, whole: Int?) -> HeadOutcome {
    guard phase == .awaitingHead else { return .refused(.wrongState) }
    guard status >= 200 && status <= 999 else { return .refused(.invalid) }
    guard let verdict = FieldValidation.check(fields, for: .final) else { return .refused(.invalid) }
    if ResponseState.isBodiless(status) { return ResponseState.judgeBodiless(status, verdict, whole: whole) }
    // The answer to HEAD may tell the length of what is not sent (RFC 9110 section 8.6).
    if let whole, let said = verdict.contentLength, said != Int64(whole), !(isHead && whole == 0) {
      return .refused(.invalid)
    }
    return .accepted(verdict)
  }

  /// The same of a status that allows no content. 304 may tell the length of what is not sent (RFC 9110 section 8.6).
  @inline(never)
  private static func judgeBodiless(
    _ status: UInt32, _ verdict: FieldValidation.Verdict, whole: Int?
  ) -> HeadOutcome {
    if let whole, whole > 0 { return .refused(.invalid) }
    if status == 204 && verdict.contentLength != nil { return .refused(.invalid) }
    // 205 says that there is no content, and nothing of a length elsewhere (RFC 9110 section 15.3.6).
    if status == 205, let said = verdict.contentLength, said != 0 { return .refused(.invalid) }
    return .accepted(verdict)
  }

  /// The step that follows a head which `judgeHead` has accepted.
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
    case refused(Outcome)
  }

  /// `count` bytes of body. `.skipped`: drop them.
  package mutating func body(_ count: UInt64) -> Outcome {
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

  /// Whether `count` more bytes and then the end are as long as announced.
  package func mayEnd(after count: UInt64) -> Bool {
    guard case .remaining(let due) = bounds else { return true }
    return UInt64(due) == count
  }

  /// The body is complete. `.invalid`: shorter than announced, so that the connection must be cut.
  package mutating func endBody() -> Outcome {
    guard phase == .body else { return .wrongState }
    guard mayEnd(after: 0) else {
      phase = .complete
      return .invalid
    }
    phase = trailersAnnounced ? .trailersDue : .complete
    return .ok
  }

  /// Trailer fields, which end the answer. `.skipped`: the answer ends, the fields are not sent.
  package mutating func trailers(_ fields: Fields, accepted: Bool) -> Outcome {
    guard phase == .trailersDue || phase == .body else { return .wrongState }
    guard FieldValidation.check(fields, for: .trailers) != nil else { return .invalid }
    guard mayEnd(after: 0) else {
      phase = .complete
      return .invalid
    }
    phase = .complete
    return accepted && mayCarryTrailers && fields.count > 0 ? .ok : .skipped
  }

  /// In HTTP/1 the chunked coding carries them; in HTTP/2 any answer with a body can have them.
  private var mayCarryTrailers: Bool {
    switch version {
    case .http10: false
    case .http11: bounds == .open
    case .http2: !bounds.isAbsent
    }
  }

  /// The answer is given up.
  package mutating func abandon() { phase = .complete }
}
