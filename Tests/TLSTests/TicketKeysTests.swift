import TLS
import Testing

@Suite struct TicketKeysTests {
  @Test func theTextMakesEqualKeys() throws {
    var keys = TicketKeys(now: 5)
    for moment in [7, 9, 11, 13] as [UInt64] {
      #expect(try #require(TicketKeys(text: keys.text)) == keys)
      keys.rotate(now: moment)
    }
  }

  @Test func aRotationPutsANewKeyFirstAndForgetsTheFourth() {
    var keys = TicketKeys(now: 1)
    var lines: [Substring] = []
    for moment in 2...5 as ClosedRange<UInt64> {
      let before = keys.text.split(separator: "\n")
      keys.rotate(now: moment)
      lines = keys.text.split(separator: "\n")
      #expect(lines.dropFirst().elementsEqual(before.prefix(2)))
      #expect(!before.contains(lines[0]))
      #expect(keys.rotatesAt == moment + TicketKeys.interval)
    }
    #expect(lines.count == 3)
  }

  @Test(arguments: [
    "", "\n", "1", "1 00", "x " + String(repeating: "0", count: 160), "1 \(String(repeating: "g", count: 160))",
  ])
  func whatIsNoKeyIsRefused(text: String) { #expect(TicketKeys(text: text) == nil) }
}
