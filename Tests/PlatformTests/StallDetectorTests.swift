import Platform
import Testing

@Suite struct StallDetectorTests {
  @Test func isWhatIsLaterThanTheTolerance() {
    var stallDetector = StallDetector(tolerance: 100)
    #expect(stallDetector.length(at: 500) == 0, "nothing was planned")
    stallDetector.plan(1000)
    #expect(stallDetector.length(at: 600) == 0)
    #expect(stallDetector.length(at: 1100) == 0)
    #expect(stallDetector.length(at: 1201) == 101, "it was awake meanwhile")
    stallDetector.plan(1300)
    #expect(stallDetector.length(at: 1401) == 101)
    #expect(stallDetector.length(at: 1402) == 0, "once")
    stallDetector.plan(.max)
    #expect(stallDetector.length(at: .max) == 0)
  }

  @Test func noDeadlineStaysNone() {
    #expect(UInt64.max.postponed(by: 5) == .max)
    #expect((UInt64.max - 1).postponed(by: 5) == .max)
    #expect(UInt64(7).postponed(by: 5) == 12)
  }

  @Test func aStandstillWithinATurnIsSeenAtItsEnd() {
    var stallDetector = StallDetector(tolerance: 100)
    #expect(stallDetector.lengthOfTurn(at: 5000) == 0, "it has not slept yet")
    stallDetector.plan(6000)
    #expect(stallDetector.length(at: 6000) == 0)
    #expect(stallDetector.lengthOfTurn(at: 6100) == 0)
    #expect(stallDetector.lengthOfTurn(at: 9000) == 3000)
    #expect(stallDetector.lengthOfTurn(at: 9001) == 0)
    stallDetector.plan(9100)
    #expect(stallDetector.length(at: 9150) == 0, "it is counted once")
  }
}
