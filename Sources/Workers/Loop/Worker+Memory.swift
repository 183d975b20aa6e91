import Platform

// Memory that a burst of requests has left behind, given back when it has not been needed for a second or two.

extension Worker {
  /// From so many ended sessions of TLS and HTTP/2 on it is worth it to ask the allocator.
  private static let manySessions = 64

  /// There may be something to give back.
  var hasExcessMemory: Bool { record.requests.hasExcess || record.endedSessions >= Worker.manySessions }

  /// [loop] Once a second, as long as there may be something to give back.
  @inline(never)
  func trimMemory() {
    let freed = record.requests.trim { record.mailbox.holds($0) }
    // The allocator keeps what is freed, unless it is asked.
    if freed > 0 || record.endedSessions >= Worker.manySessions { Process.releaseFreeMemory() }
    record.endedSessions = 0
  }
}
