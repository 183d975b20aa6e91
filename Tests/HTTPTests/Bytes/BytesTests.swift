import HTTP
import Testing

@Suite struct BytesTests {
  @Test func parts() {
    withBytes("abc") { bytes in
      #expect(text(bytes.slice(0, 3)) == "abc" && text(bytes.slice(1, 2)) == "b" && bytes.slice(2, 2).isEmpty)
      #expect(text(bytes.dropFirst(0)) == "abc" && text(bytes.dropFirst(2)) == "c" && bytes.dropFirst(3).isEmpty)
      #expect(bytes[0] == 0x61 && bytes[2] == 0x63 && bytes.count == 3 && !bytes.isEmpty)
      #expect(bytes.firstIndex(of: 0x61) == 0 && bytes.firstIndex(of: 0x63) == 2 && bytes.firstIndex(of: 0) == nil)
    }
    #expect(Bytes.empty.isEmpty && Bytes("").isEmpty && Bytes.empty.firstIndex(of: 0) == nil)
  }

  @Test func partsBeyondTheEndTrap() async {
    await #expect(processExitsWith: .failure) { _ = Bytes("abc")[3] }
    await #expect(processExitsWith: .failure) { _ = Bytes("abc")[-1] }
    await #expect(processExitsWith: .failure) { _ = Bytes("abc").slice(0, 4) }
    await #expect(processExitsWith: .failure) { _ = Bytes("abc").slice(2, 1) }
    await #expect(processExitsWith: .failure) { _ = Bytes("abc").dropFirst(4) }
    await #expect(processExitsWith: .failure) { _ = Bytes.empty[0] }
  }

  @Test func whatAForeignPointerAndLengthMayBe() {
    let place: UnsafePointer<UInt8>? = unsafe UnsafePointer(bitPattern: 16)
    let nowhere: UnsafePointer<UInt8>? = nil
    #expect(unsafe Bytes(base: nowhere, count: 0).isWellFormed)
    #expect(unsafe Bytes(base: place, count: 0).isWellFormed)
    #expect(unsafe Bytes(base: place, count: 1).isWellFormed)
    #expect(unsafe !Bytes(foreign: nowhere, count: 1).isWellFormed)
    #expect(unsafe !Bytes(foreign: place, count: -1).isWellFormed)
    #expect(unsafe !Bytes(foreign: nowhere, count: .min).isWellFormed)
  }

  @Test(arguments: [
    ("", "", true), ("a", "a", true), ("a", "b", false), ("a", "ab", false), ("ab", "a", false), ("A", "a", false),
    ("a\0", "a\0", true), ("\u{E9}", "\u{E9}", true), ("", "a", false),
  ])
  func equality(one: String, other: String, areEqual: Bool) {
    withBytes(one) { one in withBytes(other) { #expect(one.equals($0) == areEqual) } }
  }

  @Test(arguments: [
    ("keep-alive", true), ("KEEP-ALIVE", true), ("Keep-Alive", true), ("keep-alivE", true), ("keep-aliv", false),
    ("keep-alivee", false), ("keep_alive", false), ("keep\u{0D}alive", false), ("\u{0B}eep-alive", false),
    ("[eep-alive", false), ("", false), ("\u{EB}eep-alive", false),
  ])
  func equalityIgnoringCase(text: String, areEqual: Bool) {
    #expect(withBytes(text) { $0.equalsIgnoringCase("keep-alive") } == areEqual)
  }

  @Test(arguments: [
    ("/app/x", "/app", true), ("/app", "/app", true), ("/ap", "/app", false), ("/App", "/app", false), ("", "", true),
    ("x", "", true), ("/bpp/x", "/app", false),
  ])
  func prefixes(text: String, prefix: String, hasIt: Bool) {
    withBytes(text) { text in withBytes(prefix) { #expect(text.hasPrefix($0) == hasIt) } }
  }

  @Test(arguments: [
    ("", ""), (" ", ""), (" \t ", ""), ("a", "a"), (" a", "a"), ("a\t", "a"), ("\t a b \t", "a b"), ("\na\r", "\na\r"),
    ("\u{A0}a\u{A0}", "\u{A0}a\u{A0}"), ("\u{0B}a", "\u{0B}a"),
  ])
  func trimming(given: String, expected: String) {
    #expect(withBytes(given) { text($0.trimmed) } == expected)
  }

  @Test(arguments: [
    ("", ""), ("GET /x", "GET /x"), ("a\\b", "a\\\\b"), ("a\r\nb", "a\\x0D\\x0Ab"),
    ("\0\t\u{1B}\u{7F}", "\\x00\\x09\\x1B\\x7F"),
    ("\u{80}\u{FF}", "\\x80\\xFF"), (" !~\"'", " !~\"'"), ("\\x0A", "\\\\x0A"),
  ])
  func escaping(given: String, expected: String) {
    #expect(withBytes(given) { $0.escaped() } == expected)
  }

  @Test func escapingHasABound() {
    #expect(withBytes(String(repeating: "a", count: 200)) { $0.escaped() } == String(repeating: "a", count: 200))
    #expect(withBytes(String(repeating: "a", count: 201)) { $0.escaped() } == String(repeating: "a", count: 200) + "…")
    #expect(withBytes("abcdef") { $0.escaped(limit: 3) } == "abc…")
    #expect(withBytes("abc") { $0.escaped(limit: 3) } == "abc")
    #expect(withBytes("\n\n") { $0.escaped(limit: 1) } == "\\x0A…")
  }

  /// Whatever stands in a log line is visible ASCII, save the mark of what was left out.
  @Test func escapedTextIsVisible() {
    let escaped = withBytes((0...255).map { UInt8($0) }) { $0.escaped(limit: 256) }
    #expect(escaped.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F })
  }
}
