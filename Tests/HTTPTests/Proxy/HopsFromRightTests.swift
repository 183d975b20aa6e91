import HTTP
import Testing

/// Hops, last first.
@Suite struct HopsFromRightTests {
  private func hops(_ list: FieldList, _ name: KnownField) -> [String] {
    withFields(list) { HopsFromRight($0, name).map(text) }
  }

  @Test(
    arguments: [
      ("", []), (" ,\t, ", []), ("a", ["a"]), ("a, b ,c", ["c", "b", "a"]), (",a,,b,", ["b", "a"]),
      // Quotes are bytes as any other.
      ("\", a", ["a", "\""]), ("\"a, b\"", ["b\"", "\"a"]), ("a\\\", b", ["b", "a\\\""]),
    ] as [(String, [String])])
  func elementsBetweenCommas(value: String, expected: [String]) {
    #expect(hops(["X-Forwarded-For": value], .xForwardedFor) == expected)
    #expect(hops(["X-Forwarded-Proto": value], .xForwardedProto) == expected)
    #expect(hops(["X-Forwarded-Host": value], .xForwardedHost) == expected)
  }

  @Test func allLinesOfTheNameAreOneList() {
    let list: FieldList = [
      "X-Forwarded-For": "a, b", "Forwarded": "for=x", "x-forwarded-for": "\"", "X-Forwarded-For": "c",
    ]
    #expect(hops(list, .xForwardedFor) == ["c", "\"", "b", "a"])
    #expect(hops(list, .xForwardedHost) == [])
  }
}
