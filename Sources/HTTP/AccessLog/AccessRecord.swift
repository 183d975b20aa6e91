/// What the access log writes about a request that has ended. The views are valid while its line is written.
package struct AccessRecord {
  package var head: RequestHead
  /// The client as the plugin sees it: behind a trusted proxy, the client that the proxy reports. Empty over a unix
  /// socket.
  package var remoteAddress = Bytes.empty
  package var remotePort: UInt16 = 0
  package var scheme = Bytes.empty
  package var host = Bytes.empty
  package var requestID = Bytes.empty
  /// The exchange that the plugins' notes belong to; 0 for none.
  package var exchange: UInt64 = 0
  /// Empty if no plugin served the request.
  package var plugin = Bytes.empty
  /// The status of the final head. Without one, 499 if the client has left, 0 if it has not.
  package var status: UInt32
  /// The bytes of the response's body.
  package var bodyBytes: UInt64
  /// Nanoseconds from the complete head to the end of the response.
  package var duration: UInt64
  /// The number of 103 responses sent.
  package var hints: Int
  package var outcome: RequestOutcome

  /// The status by which nginx and readers of its logs mark a client that closed before the response.
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

  /// The first field with that lower-case name; empty if there is none.
  package func field(_ name: Bytes) -> Bytes {
    for index in 0..<head.fields.count {
      let field = head.fields[index]
      if field.name.count == name.count && field.name.equalsLowercasing(name) { return field.value }
    }
    return .empty
  }
}

extension Bytes {
  /// Compares with a lower-case name of any length.
  package func equalsLowercasing(_ lowercase: Bytes) -> Bool {
    guard count == lowercase.count else { return false }
    for index in 0..<count where ASCII.lowercased(self[index]) != lowercase[index] { return false }
    return true
  }
}
