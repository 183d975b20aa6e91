import Control
import Testing

private func read(_ text: String) throws -> JSON { try JSONReader.read(Array(text.utf8)) }

@Test(arguments: [
  ("null", JSON.null), (" true ", .boolean(true)), ("-0", .integer(0)), ("9223372036854775807", .integer(.max)),
  (#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, .string("a\"\\/\u{8}\u{C}\n\r\té😀")), ("[]", .array([])),
  ("[1, [true]]", .array([.integer(1), .array([true])])), ("{}", .object([])),
  (#"{"a" : 1 , "b":"é"}"#, .object([.init("a", .integer(1)), .init("b", "é")])),
])
func valuesAreRead(_ text: String, _ value: JSON) throws {
  #expect(try read(text) == value)
  #expect(try read("\(value)") == value, "and what is written is read again")
}

@Test(arguments: [
  "", " ", "nul", "True", "1 2", "[1,]", "[1", "{", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":1,\"a\":2}",
  "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"",
  "\"\\u-000\"", "\"\\u-001\"", "\"\\u_123\"", "\"\\u 123\"", "\"\\u12g4\"", "\"\\ud83d\\u-e00\"",
  "\"\\u００００\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ud83d\\u0041\"",
  "\"\\ude00\"",
  "\"\n\"", "01", "-", "+1", "1.5", "1e3", "9223372036854775808", "\u{FEFF}1", "'a'", "NaN", "]", "[}",
])
func anythingElseIsRefused(_ text: String) {
  #expect(throws: JSONError.self) { try read(text) }
}

@Test func invalidUTF8IsRefused() {
  #expect(throws: JSONError.self) { try JSONReader.read([0x22, 0xC3, 0x22]) }
}

@Test func nestingHasABound() throws {
  func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }
  _ = try read(nested(JSONReader.maxDepth))
  #expect(throws: JSONError.self) { try read(nested(JSONReader.maxDepth + 1)) }
  #expect(throws: JSONError.self) { try read(String(repeating: "[", count: 4000)) }
}

@Test func controlCharactersAreEscaped() {
  #expect("\(JSON.string("\u{0}\u{1F}\u{7F}\"\\\n"))" == #""\u0000\u001f\u007f\"\\\n""#)
}

@Test func faultsSayWhere() {
  #expect(throws: JSONError(reason: "a name stands twice", offset: 10)) { try read(#"{"a":1,"a":2}"#) }
}
