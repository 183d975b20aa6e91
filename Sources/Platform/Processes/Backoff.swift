/// Exponential backoff with jitter for something that fails repeatedly. The delay doubles up to a bound. Failures are
/// forgotten one by one while it is healthy, and all after a minute of health.
package struct Backoff: Sendable {
  /// The maximum delay.
  package static let longest: UInt64 = 30 * Clock.nanosecondsPerSecond
  /// After this period of health all failures are forgotten.
  package static let healthy: UInt64 = 60 * Clock.nanosecondsPerSecond
  /// After each period of health of this length one failure is forgotten.
  package static let forgiving: UInt64 = 10 * Clock.nanosecondsPerSecond

  private var first: UInt64
  private var failures = 0

  /// - Parameter first: the maximum delay after a first failure, in nanoseconds.
  package init(first: UInt64) { self.first = first }

  /// Changes the delay after a first failure.
  package mutating func setFirst(_ nanoseconds: UInt64) { first = nanoseconds }

  /// Counts a failure of something that was healthy for `health` nanoseconds, and returns the delay.
  package mutating func delay(health: UInt64) -> UInt64 {
    failures = Backoff.remaining(of: failures, health: health)
    let (doubled, overflowed) = first.multipliedReportingOverflow(by: 1 << UInt64(min(failures, 20)))
    let bound = overflowed ? Backoff.longest : min(doubled, Backoff.longest)
    failures += 1
    return Backoff.spread(bound)
  }

  /// The delay after a failure with another cause, the same as after a first failure.
  package var blameless: UInt64 { Backoff.spread(min(first, Backoff.longest)) }

  /// The number of `failures` that still count after `health` nanoseconds without one.
  package static func remaining(of failures: Int, health: UInt64) -> Int {
    health >= healthy ? 0 : max(0, failures - Int(health / forgiving))
  }

  /// Adds jitter: half of the delay is random, so that failures at the same time are not retried at the same time.
  private static func spread(_ bound: UInt64) -> UInt64 { bound / 2 + UInt64.random(in: 0...(bound / 2)) }
}
