import HTTP

/// The memory of ended TLS and HTTP/2 sessions, which the allocator keeps until it is told to release it.
struct SessionTrimming {
  /// The number of ended sessions from which that is worthwhile.
  private static let many = 64

  /// The memory of all HTTP/2 sessions.
  let memory = SessionMemory()
  /// The number of sessions that have ended since memory was last released.
  private var ended = 0

  mutating func count() { ended &+= 1 }

  var isDue: Bool { ended >= SessionTrimming.many }

  mutating func reset() { ended = 0 }
}
