/// What the access log tells of one request when it has ended. The views are valid while its line is written.
package struct AccessRecord {
  package var head: RequestHead
  /// The client as the plugin sees it: behind a trusted proxy, whom that speaks for. Empty over a unix socket.
  package var remoteAddress = Bytes.empty
  package var remotePort: UInt16 = 0
  package var scheme = Bytes.empty
  package var host = Bytes.empty
  package var requestID = Bytes.empty
  /// Empty if no plugin had it.
  package var plugin = Bytes.empty
  /// Of the final head; without one what clients that leave before it get, or 0 where it was not the client's doing.
  package var status: UInt32
  /// Bytes of the answer's body.
  package var bodyBytes: UInt64
  /// Nanoseconds from the complete head to the end of the answer.
  package var duration: UInt64
  /// How many 103 responses were sent.
  package var hints: Int
  package var outcome: RequestOutcome

  /// As nginx and what reads its logs have it: the client has closed before there was an answer.
  package static let clientClosedRequest: UInt32 = 499

  package init(
    _ head: RequestHead, status: UInt32, bodyBytes: UInt64, duration: UInt64, hints: Int,
    outcome: RequestOutcome
  ) {
    self.head = head
    self.status = status == 0 && outcome == .clientGone ? AccessRecord.clientClosedRequest : status
    self.bodyBytes = bodyBytes
    self.duration = duration
    self.hints = hints
    self.outcome = outcome
  }

  /// The first field of that name, which is in small letters; empty if there is none.
  package func field(_ name: Bytes) -> Bytes {
    for index in 0..<head.fields.count {
      let field = head.fields[index]
      if field.name.count == name.count && field.name.equalsLowercasing(name) { return field.value }
    }
    return .empty
  }
}

extension Bytes {
  /// Equality with a name in small letters, of any length.
  package func equalsLowercasing(_ lowercase: Bytes) -> Bool {
    guard count == lowercase.count else { return false }
    for index in 0..<count where ASCII.lowercased(self[index]) != lowercase[index] { return false }
    return true
  }
}
