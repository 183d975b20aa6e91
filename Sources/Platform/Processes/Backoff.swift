/// How long to wait before something that keeps failing is started again: doubling with jitter, bounded, forgotten after
/// a time of health, and little by little before that: what fails now and then is no loop.
package struct Backoff: Sendable {
  /// The longest wait.
  package static let longest: UInt64 = 30 * Clock.nanosecondsPerSecond
  /// Health for this long means that the failures are over.
  package static let healthy: UInt64 = 60 * Clock.nanosecondsPerSecond
  /// Health for this long makes up for one of them.
  package static let forgiving: UInt64 = 10 * Clock.nanosecondsPerSecond

  private var first: UInt64
  private var failures = 0

  /// - Parameter first: the longest wait after a first failure, in nanoseconds.
  package init(first: UInt64) { self.first = first }

  /// Changes what a first failure costs.
  package mutating func setFirst(_ nanoseconds: UInt64) { first = nanoseconds }

  /// The wait after one more failure of something that had been well for `health` nanoseconds.
  package mutating func delay(health: UInt64) -> UInt64 {
    failures = Backoff.left(of: failures, health: health)
    let (doubled, overflowed) = first.multipliedReportingOverflow(by: 1 << UInt64(min(failures, 20)))
    let bound = overflowed ? Backoff.longest : min(doubled, Backoff.longest)
    failures += 1
    return Backoff.spread(bound)
  }

  /// The wait after a failure that something else answers for: as after a first one.
  package var blameless: UInt64 { Backoff.spread(min(first, Backoff.longest)) }

  /// What is left of so many failures after `health` nanoseconds without one.
  package static func left(of failures: Int, health: UInt64) -> Int {
    health >= healthy ? 0 : max(0, failures - Int(health / forgiving))
  }

  /// Half of it is chance, so that many that fail together do not come back together.
  private static func spread(_ bound: UInt64) -> UInt64 { bound / 2 + UInt64.random(in: 0...(bound / 2)) }
}
