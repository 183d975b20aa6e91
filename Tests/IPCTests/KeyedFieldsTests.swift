import IPC
import Testing

/// The one form of messages and of saved state: what is written comes back, and anything else is refused without a trap.
@Suite struct KeyedFieldsTests {
  private static let texts = [
    "", "plain", "two words", " ends in spaces ", "a\nb\\n\\\\\n", "ä \u{1F600}", "a\r", "\r\n\r", "\u{301}a \u{301} b",
    "\u{0}\u{1B}[1m\u{7F}\t\\x41", "a=b", "[kind]", "\n[kind]\nkey=value",
  ]

  @Test(arguments: texts)
  func textComesBack(text: String) throws {
    var fields = KeyedFields("first", text)
    fields.set("second.key_2", 7)
    #expect(fields.bytes.allSatisfy { $0 >= 0x20 || $0 == 0x0A } && fields.bytes.count { $0 == 0x0A } == 2)
    let read = try #require(KeyedFields(fields.bytes))
    #expect(read["first"].map { Array($0.utf8) } == Array(text.utf8))
    #expect(read.number("second.key_2") == 7 && read == fields)
  }

  @Test(arguments: [
    "key", "key=", "=\n", "=x\n", "\n", "key=a\n\n", "Key=a\n", "k y=a\n", "key =a\n", "kéy=a\n", "key=a\\\n",
    "key=a\\q\n",
    "key=\\x4\n", "key=\\x4g\n", "key=\\xAB\n", "key=a\r\n", "key=a\u{0}\n", "key=a\u{7F}\n", "key=a\nkey=b\n",
    "key=a\nrest",
    String(repeating: "k", count: 41) + "=a\n",
  ])
  func anythingElseIsRefused(text: String) { #expect(KeyedFields(Array(text.utf8)) == nil) }

  @Test func eachCutIsRefused() throws {
    var fields = KeyedFields("name", "a\\b\nc")
    fields.set("number", 12)
    let ends = [0] + fields.bytes.indices.filter { fields.bytes[$0] == 0x0A }.map { $0 + 1 }
    for length in 0...fields.bytes.count {
      #expect((KeyedFields(Array(fields.bytes.prefix(length))) != nil) == ends.contains(length), "\(length)")
    }
  }

  /// Numbers that are the same in each run.
  private struct Pseudorandom {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
  }

  /// What is read is written again as it was, and nothing traps.
  @Test func randomBytesDoNotTrap() {
    var random = Pseudorandom(state: 24)
    let alphabet = Array("ab=\\nx0\n[] .\u{1}".utf8) + [0xFF, 0xC3]
    var read = 0
    for _ in 0..<20_000 {
      var bytes = (0..<random.next(24)).map { _ in alphabet[random.next(alphabet.count)] }
      if random.next(2) == 0 { bytes.append(0x0A) }
      if let fields = KeyedFields(bytes) {
        #expect(fields.isEmpty == bytes.isEmpty && KeyedFields(fields.bytes) == fields)
        read += 1
      }
      if let records = KeyedRecords(bytes) { #expect(KeyedRecords(records.bytes)?.all == records.all) }
    }
    #expect(read > 100)
  }

  @Test func bytesThatAreFlippedDoNotTrap() {
    var random = Pseudorandom(state: 7)
    var fields = KeyedFields("name", "unix:/run/a b\n")
    fields.set("numbers", [1, 2, .max])
    for _ in 0..<20_000 {
      var bytes = fields.bytes
      for _ in 0...random.next(3) { bytes[random.next(bytes.count)] = UInt8(random.next(256)) }
      guard let read = KeyedFields(bytes) else { continue }
      _ = (read.number("numbers") as Int?, read.numbers("numbers", count: 3), read.flag("name"))
      #expect(KeyedFields(read.bytes) == read)
    }
  }

  @Test func thereAreBounds() {
    let most = (0..<KeyedFields.maxCount).map { "k\($0)=\n" }.joined()
    #expect(KeyedFields(Array(most.utf8))?.all.count == KeyedFields.maxCount)
    #expect(KeyedFields(Array((most + "one.more=\n").utf8)) == nil)
    let huge = "key=" + String(repeating: "a", count: 1 << 22) + "\n"
    #expect(KeyedFields(Array(huge.utf8))?["key"]?.utf8.count == 1 << 22, "who reads it bounds the whole")
    #expect(KeyedFields(Array(repeating: UInt8(ascii: "k"), count: 1 << 22)) == nil)
  }

  @Test(arguments: [
    ("18446744073709551615", UInt64.max as UInt64?), ("18446744073709551616", nil), ("-1", nil), ("", nil), ("1 ", nil),
    ("0x1", nil), ("1e3", nil), ("9", 9),
  ])
  func numbersAreChecked(text: String, number: UInt64?) { #expect(KeyedFields("n", text).number("n") == number) }

  @Test func rangesAreChecked() {
    let fields = KeyedFields("n", "-2147483649")
    #expect(fields.number("n") as Int32? == nil && fields.number("n") as Int64? == -2_147_483_649)
    #expect(fields.number("n", in: 0...Int64.max) == nil && fields.number("m") as Int? == nil)
    #expect(!fields.flag("n") && KeyedFields("f", "1").flag("f") && !KeyedFields("f", "true").flag("f"))
  }

  @Test(arguments: ["", "1 2", "1 2 3 4", "1 2 x", "1 2 -3", "1,2,3"])
  func listsHaveTheirLength(text: String) {
    #expect(KeyedFields("n", text).numbers("n", count: 3) == nil)
    #expect(KeyedFields("n", "1 2 3").numbers("n", count: 3) == [1, 2, 3])
  }

  @Test func textsForPeopleAreCutBetweenCharacters() {
    for room in 0..<12 {
      let fields = KeyedFields("t", text: "x")
      #expect(fields["t"] == "x")
      var cut = KeyedFields()
      cut.set("t", "é\n😀", room: room)
      #expect(cut.bytes.count <= room + 3 && "é\n😀".hasPrefix(cut["t"] ?? "?"), "\(room)")
    }
  }

  // MARK: Records

  @Test func recordsComeBack() throws {
    var records = KeyedRecords()
    records.append("empty", KeyedFields())
    for text in KeyedFieldsTests.texts { records.append("text", KeyedFields("value", text)) }
    let read = try #require(KeyedRecords(records.bytes))
    #expect(read.all == records.all && read["empty"]?.isEmpty == true && read["none"] == nil)
    #expect(read.of("text").compactMap { $0["value"] } == KeyedFieldsTests.texts)
    #expect(KeyedRecords([])?.all.isEmpty == true)
  }

  @Test(arguments: [
    "a=b\n", "[", "[]\n", "[kind", "[kind]", "[kind]a=b\n", "[Kind]\n", "[k d]\n", "[kind]\na\n", "[kind]\na=b",
    "[a]\n\n[b]\n",
    "[[a]]\n", "[\(String(repeating: "k", count: 41))]\n",
  ])
  func otherRecordsAreRefused(text: String) { #expect(KeyedRecords(Array(text.utf8)) == nil) }

  @Test func theNumberOfRecordsIsBounded() {
    let one = Array("[a]\n".utf8)
    let most = Array(repeating: one, count: KeyedRecords.maxCount).flatMap { $0 }
    #expect(KeyedRecords(most)?.all.count == KeyedRecords.maxCount && KeyedRecords(most + one) == nil)
  }
}
