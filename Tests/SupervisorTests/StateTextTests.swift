import Testing

@testable import Supervisor

/// What a supervisor leaves to its successor.
@Suite struct StateTextTests {
  @Test(arguments: [
    "", "plain", "two words", " ends in spaces ", "a\nb\\n\\\\\n", "ä \u{1F600}", "a\r", "\r\n\r", "\u{301}a \u{301} b",
    "\u{0}\u{1B}[1m\u{7F}\t\\x41",
  ])
  func textComesBack(text: String) {
    let line = StateText.line(["kind", "7"], text: text)
    #expect(line.utf8.count { $0 == 0x0A } == 1 && line.hasSuffix("\n"))
    #expect(line.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
    let lines = StateText.lines(Array((line + line).utf8))
    #expect(lines.count == 2)
    var record = StateText.Record(lines[1])
    #expect(record.word() == "kind")
    #expect(record.number(Int.self) == 7)
    #expect(Array(record.text().utf8) == Array(text.utf8))
  }

  @Test func theFormOfEarlierVersions() {
    var record = StateText.Record(Array("kind a\\nb\\\\c\rd".utf8)[...])
    #expect(record.word() == "kind" && record.text() == "a\nb\\c\rd")
  }

  @Test func numbersAtTheirLimits() {
    var record = StateText.Record(StateText.line(["\(UInt64.max)", "\(Int32.min)", "x"]).dropLast())
    #expect(record.number(UInt64.self) == .max)
    #expect(record.number(Int32.self) == .min)
    #expect(record.number(Int.self) == 0, "what is no number is none")
    #expect(record.word().isEmpty && record.number(Int.self) == 0, "nor is what is missing")
  }
}
