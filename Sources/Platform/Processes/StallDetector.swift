/// Detects a standstill of this process: it was stopped (SIGSTOP), its cgroup was frozen, or its machine has stalled.
/// It then wakes up later than planned. Other processes may have been at a standstill as well, so their silence during
/// that time does not count.
package struct StallDetector {
  /// A delay up to this is caused by a busy machine and is no standstill.
  private let tolerance: UInt64
  private var plannedAt = UInt64.max
  /// When the process was last awake.
  private var awakeAt: UInt64 = 0

  /// - Parameter tolerance: nanoseconds.
  package init(tolerance: UInt64) { self.tolerance = tolerance }

  /// Sets the latest time at which the process will wake up, in monotonic nanoseconds; `.max` for never.
  package mutating func plan(_ deadline: UInt64) { plannedAt = deadline }

  /// Called when the process wakes up.
  ///
  /// - Returns: the length of the standstill in nanoseconds; 0 for none.
  package mutating func length(at now: UInt64) -> UInt64 {
    let expected = max(plannedAt, awakeAt)
    awakeAt = now
    guard now > expected, now - expected > tolerance else { return 0 }
    return now - expected
  }
}

extension StallDetector {
  /// Called when the process has done what it woke up for, before it plans the next wake-up.
  ///
  /// - Returns: how long that took, in nanoseconds, if it was so long that there may have been a standstill; 0 otherwise.
  package mutating func lengthOfTurn(at now: UInt64) -> UInt64 {
    guard awakeAt != 0, now > awakeAt, now - awakeAt > tolerance else { return 0 }
    defer { awakeAt = now }
    return now - awakeAt
  }
}

extension UInt64 {
  /// A deadline in monotonic nanoseconds, `span` later; `.max` remains none.
  package func postponed(by span: UInt64) -> UInt64 {
    let (later, overflow) = addingReportingOverflow(span)
    return overflow ? .max : later
  }
}
