import HTTP
import Testing

/// Hops, last first (RFC 7239 section 4).
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

  @Test func whatLiesLeftOfTheMostHopsDoesNotCount() {
    let many = (1...HopsFromRight.mostHops).map(String.init)
    let line = many.joined(separator: ",")
    #expect(hops(["X-Forwarded-For": "a", "X-Forwarded-For": ",," + line + ", ,"], .xForwardedFor) == many.reversed())
    #expect(hops(["X-Forwarded-For": "a," + line, "Forwarded": "b"], .xForwardedFor) == many.reversed())
    #expect(forwarded("a=1", "a=2," + line) == many.reversed())
  }

  // Forwarded

  private func forwarded(_ lines: String...) -> [String]? { forwarded(lines: lines) }

  private func forwarded(lines: [String]) -> [String]? {
    let list = lines.map { ("Forwarded", $0) }
    return withBytes(list.map { $0 + $1 }.joined()) { all in
      var fields: [Field] = []
      var position = 0
      for (name, value) in list {
        let (middle, end) = (position + name.count, position + name.count + value.unicodeScalars.count)
        fields.append(Field(name: all.slice(position, middle), value: all.slice(middle, end)))
        position = end
      }
      return unsafe fields.withUnsafeBufferPointer { buffer in
        unsafe HopsFromRight(forwarded: Fields(base: buffer.baseAddress, count: buffer.count))?.map(text)
      }
    }
  }

  @Test(
    arguments: [
      ("", []), ("for=a, for=b", ["for=b", "for=a"]), ("for=\"a,b\" , for=c;by=d", ["for=c;by=d", "for=\"a,b\""]),
      ("a=\"\\\",=\\\\\",b=\"\\=\"\t;c", ["b=\"\\=\"\t;c", "a=\"\\\",=\\\\\""]), ("a=\"\"", ["a=\"\""]),
      ("for=a;x=1;x=2", ["for=a;x=1;x=2"]), ("for=a,for=b", ["for=b", "for=a"]), ("a==b", ["a==b"]),
    ] as [(String, [String])])
  func elementsOfForwarded(value: String, expected: [String]) {
    #expect(forwarded(value) == expected)
    #expect(forwarded("for=first", value) == expected + ["for=first"])
  }

  @Test(arguments: [
    "\"", "a\"b\"", "\"a\"=b", "a=\"", "a=\"b", "a=\"b\\\"", "a=\"b\\", "a=\"b\"c", "a=\"b\" c", "a=\"b\"\"c\"",
    "a= \"b\"", "a =b\"c\"", "a==\"b\"", "a=b;\"c\"", "for=a;for=b", "for=a;by=c;For=a", "host=a;proto=b;HOST=\"c\"",
  ])
  func malformedLines(line: String) {
    #expect(forwarded(line) == nil)
    #expect(forwarded(line, "for=a") == nil && forwarded("for=a", line) == nil)
    #expect(forwarded("for=z," + line) == nil && forwarded(line + ",for=z") == nil)
  }

  @Test func valuesOfParameters() {
    withBytes("For=\"[::1]\" ; by=;x=\";proto=https;\";host=h:80 ;proto;HOSTS=x") { element in
      #expect(ForwardedParameter.for.value(in: element).map(text) == "[::1]")
      #expect(ForwardedParameter.by.value(in: element).map(text) == "")
      #expect(ForwardedParameter.host.value(in: element).map(text) == "h:80")
      #expect(ForwardedParameter.proto.value(in: element).map(text) == nil)
    }
  }

  /// What a proxy has appended to a client's words means what it means alone, or the line is malformed.
  @Test func whatAProxyAppendsStands() {
    var random = SplitMix(22)
    let words = ["for=6.6.6.6", "host=evil", "x=", "\"", "\"", "\"", "\\", ";", ",", "=", " ", "\\\"", "\",", "=\""]
    let values = ["a", "192.0.2.1", "\"\"", "\"[::1]:80\"", "\", for=7.7.7.7;y=\"", "\";\\\"=\\\\,\"", "\"\\=\""]
    var (believed, refused) = (0, 0)
    for _ in 0..<20_000 {
      let client = (0..<Int.random(in: 0...8, using: &random)).map { _ in words.randomElement(using: &random) ?? "" }
      let elements = (0..<Int.random(in: 1...3, using: &random)).map { number in
        let pairs = ["for", "by", "host", "proto", "z"].shuffled(using: &random).prefix(1 + number)
        return pairs.map { "\($0)=\(values.randomElement(using: &random) ?? "")" }.joined(separator: ";")
      }
      let appended = elements.joined(separator: ",")
      #expect(forwarded(appended) == elements.reversed())
      guard let seen = forwarded(client.joined() + "," + appended) else {
        refused += 1
        continue
      }
      believed += 1
      #expect(seen.starts(with: elements.reversed()), "\(client.joined()),\(appended)")
    }
    #expect(believed > 2000 && refused > 2000)
  }
}
