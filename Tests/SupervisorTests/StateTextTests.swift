import Testing

@testable import Supervisor

/// What a supervisor leaves to its successor.
@Suite struct StateTextTests {
  @Test(arguments: ["", "plain", "two words", " ends in spaces ", "a\nb\\n\\\\\n", "ä \u{1F600}"])
  func textComesBack(text: String) {
    let line = StateText.line(["kind", "7"], text: text)
    #expect(line.utf8.count { $0 == 0x0A } == 1 && line.hasSuffix("\n"))
    var record = StateText.Record(line.dropLast())
    #expect(record.word() == "kind")
    #expect(record.number(Int.self) == 7)
    #expect(record.text() == text)
  }

  @Test func numbersAtTheirLimits() {
    var record = StateText.Record(StateText.line(["\(UInt64.max)", "\(Int32.min)", "x"]).dropLast())
    #expect(record.number(UInt64.self) == .max)
    #expect(record.number(Int32.self) == .min)
    #expect(record.number(Int.self) == 0, "what is no number is none")
    #expect(record.word().isEmpty && record.number(Int.self) == 0, "nor is what is missing")
  }
}
