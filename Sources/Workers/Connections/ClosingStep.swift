/// The next step on a connection whose last response has been sent. Pure.
enum ClosingStep: Equatable {
  /// Closes with a reset: nothing else tells the client that the response is incomplete.
  case reset
  /// Ends our side of TLS; the step is then determined again.
  case endTLS
  /// Ends our side, now or when the rest of the last request has come, and discards what the client still sends.
  case linger
  case close

  static func next(_ flags: ConnectionRecord.Flags, awaitsRest: Bool, hasTLS: Bool) -> ClosingStep {
    if flags.contains(.resets) { return .reset }
    if awaitsRest { return .linger }
    if hasTLS { return .endTLS }
    let hasAll = flags.contains(.peerClosed) && !flags.contains(.readable)
    return hasAll || !flags.contains(.lingers) ? .close : .linger
  }
}
