/// Whether a process has stood still: it was stopped (SIGSTOP), its cgroup was frozen, or its machine has stalled. It finds that
/// out by waking later than it had planned. Of the time between it knows nothing, and what others did not do then it can't
/// hold against them: they may have stood still as well.
package struct Standstill {
  /// So much later is nothing but a busy machine.
  private let tolerance: UInt64
  private var plannedAt = UInt64.max
  /// It was awake then, and may have left undone what it had planned.
  private var awakeAt: UInt64 = 0

  /// - Parameter tolerance: nanoseconds.
  package init(tolerance: UInt64) { self.tolerance = tolerance }

  /// The process is to wake at this moment at the latest, in monotonic nanoseconds; `.max` if nothing is to wake it.
  package mutating func plan(_ moment: UInt64) { plannedAt = moment }

  /// It is awake.
  ///
  /// - Returns: how long it has stood still, in nanoseconds; 0 if it has not.
  package mutating func length(at now: UInt64) -> UInt64 {
    let expected = max(plannedAt, awakeAt)
    awakeAt = now
    guard now > expected, now - expected > tolerance else { return 0 }
    return now - expected
  }
}

extension UInt64 {
  /// A deadline in monotonic nanoseconds, so much later; `.max` is none.
  package func postponed(by span: UInt64) -> UInt64 {
    let (later, overflow) = addingReportingOverflow(span)
    return overflow ? .max : later
  }
}
