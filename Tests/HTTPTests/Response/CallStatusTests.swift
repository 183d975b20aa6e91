import HTTP
import Testing

/// The numbers are in plugins that were compiled long ago.
@Test func outcomesKeepTheirNumbers() {
  let released: [Int32: CallStatus] = [
    0: .ok, 1: .skipped, 2: .pause, -1: .wrongState, -2: .invalid, -3: .closed, -4: .cancelled, -5: .unsupported,
    -6: .limit, -7: .again, -8: .wrongThread, -9: .io, -10: .failed,
  ]
  for (number, outcome) in released {
    #expect(outcome.rawValue == number)
    #expect(outcome.isAccepted == (number >= 0))
  }
  #expect(CallStatus.allCases.count == released.count)
}
