import Platform
import Testing

@Suite struct StandstillTests {
  @Test func isWhatIsLaterThanTheTolerance() {
    var standstill = Standstill(tolerance: 100)
    #expect(standstill.length(at: 500) == 0, "nothing was planned")
    standstill.plan(1000)
    #expect(standstill.length(at: 600) == 0)
    #expect(standstill.length(at: 1100) == 0)
    #expect(standstill.length(at: 1201) == 101, "it was awake meanwhile")
    standstill.plan(1300)
    #expect(standstill.length(at: 1401) == 101)
    #expect(standstill.length(at: 1402) == 0, "once")
    standstill.plan(.max)
    #expect(standstill.length(at: .max) == 0)
  }

  @Test func noDeadlineStaysNone() {
    #expect(UInt64.max.postponed(by: 5) == .max)
    #expect((UInt64.max - 1).postponed(by: 5) == .max)
    #expect(UInt64(7).postponed(by: 5) == 12)
  }
}
