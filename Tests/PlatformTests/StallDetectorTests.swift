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
}
