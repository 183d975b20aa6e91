import Platform

// Memory that a burst of requests has left behind, given back when it has not been needed for a second or two.

extension Worker {
  /// [loop] Once a second, as long as there may be something to give back.
  @inline(never)
  func trimMemory() {
    let freed = record.requests.trim { record.mailbox.holds($0) }
    // The allocator keeps what is freed, unless it is asked.
    if freed > 0 { Process.releaseFreeMemory() }
  }
}
