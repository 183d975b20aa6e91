import Platform
import Testing

@Suite struct BackoffTests {
  private let second = Clock.nanosecondsPerSecond
  private let first = 100 * Clock.nanosecondsPerMillisecond

  @Test func aLoopWaitsTwiceAsLongEachTime() {
    var backoff = Backoff(first: first)
    for failure in 0..<30 {
      let bound = min(first << UInt64(min(failure, 20)), Backoff.longest)
      let delay = backoff.delay(health: 0)
      #expect(delay >= bound / 2 && delay <= bound, "failure \(failure)")
    }
  }

  @Test func healthIsForgiving() {
    var backoff = Backoff(first: first)
    for _ in 0..<8 { _ = backoff.delay(health: 0) }
    // Eight failures, three of them made up for.
    #expect(backoff.delay(health: 3 * Backoff.forgiving) <= first << 5)
    #expect(backoff.delay(health: Backoff.healthy) <= first)
  }

  /// Such as somebody who kills a worker now and then, or one that dies of a rare request.
  @Test func whatFailsNowAndThenIsNoLoop() {
    var backoff = Backoff(first: first)
    for _ in 0..<1000 { #expect(backoff.delay(health: 15 * second) <= first) }
  }

  @Test func nothingOverflows() {
    var backoff = Backoff(first: .max)
    for _ in 0..<100 { #expect(backoff.delay(health: 0) <= Backoff.longest) }
    #expect(backoff.delay(health: .max) <= Backoff.longest)
  }
}
