import Platform

/// Counts how often a master was stopped (SIGSTOP). Its workers can do that, since they have the same user. While the
/// master is stopped, no worker is replaced.
struct MasterStops: Sendable {
  /// The number of stops within a period that began with the first.
  private var count = 0
  private var since: UInt64 = 0

  private static let limit = 3
  private static let period = 60 * Clock.nanosecondsPerSecond

  /// Counts a stop; false if it exceeds the limit.
  mutating func add(now: UInt64) -> Bool {
    if count == 0 || now &- since >= MasterStops.period { (count, since) = (0, now) }
    count += 1
    return count <= MasterStops.limit
  }
}
