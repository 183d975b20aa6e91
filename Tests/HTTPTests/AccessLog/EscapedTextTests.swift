import HTTP
import Testing

@Suite struct EscapedTextTests {
  private func written(_ input: [UInt8], _ limit: Int, _ write: (inout ByteWriter, Bytes, Int) -> Void) -> [UInt8] {
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: limit)
    defer { unsafe room.deallocate() }
    // The writer traps where it would go beyond the limit.
    var writer = unsafe ByteWriter(base: room, capacity: limit)
    unsafe input.withUnsafeBufferPointer { bytes in
      write(&writer, unsafe Bytes(base: bytes.baseAddress, count: bytes.count), limit)
    }
    return unsafe Array(UnsafeBufferPointer(start: room, count: writer.count))
  }

  private func escaped(_ input: [UInt8], limit: Int = 1000) -> [UInt8] {
    written(input, limit) { $0.append(escaped: $1, limit: $2) }
  }

  private func json(_ input: [UInt8], limit: Int = 1000) -> String {
    String(decoding: written(input, limit) { $0.append(json: $1, limit: $2) }, as: UTF8.self)
  }

  @Test func backslashes() {
    #expect(escaped(Array("plain ~ text".utf8)) == Array("plain ~ text".utf8))
    #expect(escaped([0x22, 0x5C, 0x00, 0x0A, 0x1F, 0x7F, 0x80, 0xFF]) == Array(#"\"\\\x00\x0A\x1F\x7F\x80\xFF"#.utf8))
    #expect(escaped([]) == [])
  }

  @Test func jsonIsUTF8WithoutControls() {
    #expect(json(Array("a\"b\\c".utf8)) == #""a\"b\\c""#)
    #expect(json([0x00, 0x0A, 0x7F]) == #""\u0000\u000A\u007F""#)
    #expect(json(Array("äöü € 😀".utf8)) == "\"äöü € 😀\"")
  }

  /// What would clear a terminal, end a line or turn the text around where the log is shown.
  @Test func jsonHasNoCharactersThatControlWhatShowsIt() {
    let controls: [ClosedRange<UInt32>] = [
      0x80...0x9F, 0x061C...0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069,
    ]
    for number in (0x80 as UInt32)...0x1_0100 {
      guard let character = Unicode.Scalar(number) else { continue }
      let text = json(Array("a\(character)b".utf8))
      if controls.contains(where: { $0.contains(number) }) {
        let digits = String(number, radix: 16, uppercase: true)
        #expect(text == "\"a\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)b\"")
      } else {
        #expect(text == "\"a\(character)b\"")
      }
    }
  }

  /// An escape is longer than what it stands for, and whole or not there.
  @Test func escapesAreCutWhole() {
    for limit in 16...40 {
      let text = json(Array(String(repeating: "\u{85}", count: 20).utf8), limit: limit)
      let whole = (limit - 5) / 6
      #expect(text == "\"" + String(repeating: "\\u0085", count: whole) + "...\"", "\(limit)")
    }
  }

  /// Overlong, surrogates, beyond Unicode, cut short, alone.
  @Test(
    arguments: [
      [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
      [0xE2, 0x82],
      [0xC3], [0x80], [0xFF], [0xF5, 0x80, 0x80, 0x80],
    ] as [[UInt8]])
  func whatIsNotUTF8IsReplaced(bytes: [UInt8]) {
    #expect(json(bytes) == "\"" + String(repeating: #"\ufffd"#, count: bytes.count) + "\"")
  }

  @Test func longValuesAreCutWhole() {
    #expect(escaped(Array("abcdefgh".utf8), limit: 11) == Array("abcdefgh".utf8))
    #expect(escaped(Array("abcdefghi".utf8), limit: 11) == Array("abcdefgh...".utf8))
    #expect(escaped([0xFF, 0xFF, 0xFF], limit: 12) == Array(#"\xFF\xFF..."#.utf8))
    #expect(json(Array("äääääääääää".utf8), limit: 16).hasSuffix("...\""))
  }

  @Test func nothingGoesBeyondTheLimit() {
    var random = SplitMix(7)
    for _ in 0..<2000 {
      var bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if Bool.random(using: &random) { bytes += Array("\u{85}\u{202E}\u{2066}\u{2065}".utf8) }
      let limit = Int.random(in: 16...80, using: &random)
      let text = escaped(bytes, limit: limit)
      #expect(text.count <= limit && text.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
      let quoted = json(bytes, limit: limit)
      #expect(quoted.utf8.count <= limit && quoted.utf8.first == 0x22 && quoted.utf8.last == 0x22)
      #expect(!quoted.unicodeScalars.contains { $0.value < 0x20 })
    }
  }
}

@Suite struct BasicUserTests {
  @Test(
    arguments: [
      ("Basic am9lOnB3", "joe"), ("basic am9lOnB3", "joe"), ("Basic  am9lOg==", "joe"), ("Basic OnB3", ""),
      ("Basic am9l", ""), ("Basic", ""), ("Bearer am9lOnB3", ""), ("Basic am9l*nB3", ""), ("", ""),
      ("Basic w6TDtjp4", "äö"),
    ])
  func theUserIsWhatStandsBeforeTheColon(credentials: String, user: String) {
    #expect(read(credentials) == user)
  }

  @Test func longUsersAreNone() {
    // 63 and 64 times "aaa", then a colon.
    #expect(read("Basic " + String(repeating: "YWFh", count: 21) + "Og==") == String(repeating: "a", count: 63))
    #expect(read("Basic " + String(repeating: "YWFh", count: 22) + "Og==").isEmpty)
  }

  private func read(_ credentials: String) -> String {
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: BasicUser.longest)
    defer { unsafe room.deallocate() }
    let bytes = Array(credentials.utf8)
    return unsafe bytes.withUnsafeBufferPointer { credentials in
      let user = unsafe BasicUser.read(Bytes(base: credentials.baseAddress, count: credentials.count), into: room)
      return String(decoding: (0..<user.count).map { user[$0] }, as: UTF8.self)
    }
  }
}
