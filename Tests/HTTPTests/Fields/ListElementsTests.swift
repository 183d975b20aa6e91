import HTTP
import Testing

@Suite struct ListElementsTests {
  @Test(
    arguments: [
      ("", []), (" ", []), (",", []), (" , ,\t,", []), ("a", ["a"]), ("a,b", ["a", "b"]), ("a , b", ["a", "b"]),
      ("\ta\t,\tb\t", ["a", "b"]), (",a,,b,", ["a", "b"]), ("a b", ["a b"]), ("a;q=1, b;q=2", ["a;q=1", "b;q=2"]),
      ("a,A,a", ["a", "A", "a"]), ("\"a,b\"", ["\"a", "b\""]), ("\u{A0},\u{E9}", ["\u{A0}", "\u{E9}"]),
    ] as [(String, [String])])
  func elements(value: String, expected: [String]) {
    #expect(withBytes(value) { ListElements($0).map(text) } == expected)
  }

  @Test func theEndStaysTheEnd() {
    withBytes("a,") { value in
      var elements = ListElements(value)
      #expect(elements.next().map(text) == "a")
      #expect(elements.next() == nil)
      #expect(elements.next() == nil)
    }
  }
}
