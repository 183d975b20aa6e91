import COutrider
import HTTP
import PluginHost
import Testing

@Suite struct ABITests {
  @Test func bytesAndFieldsAreTheSameMemoryOnBothSides() {
    #expect(ABI.layoutsAgree)
  }

  @Test func outcomesHaveTheNumbersOfTheHeader() {
    let header: [(CallStatus, Int32)] = [
      (.ok, OUTRIDER_OK), (.skipped, OUTRIDER_SKIPPED), (.pause, OUTRIDER_PAUSE), (.wrongState, OUTRIDER_E_STATE),
      (.invalid, OUTRIDER_E_INVALID), (.closed, OUTRIDER_E_CLOSED), (.cancelled, OUTRIDER_E_CANCELLED),
      (.unsupported, OUTRIDER_E_UNSUPPORTED), (.limit, OUTRIDER_E_LIMIT), (.again, OUTRIDER_E_AGAIN),
      (.wrongThread, OUTRIDER_E_THREAD), (.io, OUTRIDER_E_IO), (.failed, OUTRIDER_E_FAILED),
    ]
    #expect(header.count == CallStatus.allCases.count)
    for (outcome, number) in header { #expect(outcome.rawValue == number, "\(outcome.name)") }
  }

  @Test func versionsAreTheHeaders() {
    #expect(ABI.version == OUTRIDER_ABI_MAJOR << 16 | OUTRIDER_ABI_MINOR)
    #expect(ABI.text(0x0001_0007) == "1.7")
  }
}
