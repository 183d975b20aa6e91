import Platform

// Frees memory that a burst of requests has needed, after a second or two without use.

extension Worker {
  /// There may be memory to free.
  var hasExcessMemory: Bool { record.requests.hasExcess || record.sessions.isDue }

  /// [loop] Frees memory. Called once a second while there may be some to free.
  @inline(never)
  func trimMemory() {
    let freed = record.requests.trim { record.mailbox.holds($0) }
    if freed > 0 || record.sessions.isDue {
      record.sessions.memory.trim()
      // The allocator keeps freed memory until it is told to release it.
      Process.releaseFreeMemory()
    }
    record.sessions.reset()
  }
}
