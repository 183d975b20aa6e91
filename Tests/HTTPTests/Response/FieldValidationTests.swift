import HTTP
import Testing

@Suite struct FieldValidationTests {
  private static let sections: [FieldValidation.Section] = [.informational, .final, .trailers]

  private func judge(_ list: FieldList, _ section: FieldValidation.Section) -> FieldValidation.Verdict? {
    withFields(list) { FieldValidation.check($0, for: section) }
  }

  private func isGood(_ list: FieldList, _ section: FieldValidation.Section) -> Bool { judge(list, section) != nil }

  /// What may stand anywhere, and what nowhere, whatever the section.
  @Test(arguments: sections)
  func names(section: FieldValidation.Section) {
    for byte in UInt8.min...UInt8.max {
      let name = latin1([0x61, byte, 0x62])
      #expect(isGood([name: "y"], section) == ASCII.isToken(byte), "\(name.debugDescription)")
    }
    // Names are looked at several bytes at a time.
    for place in 0..<20 {
      for byte in UInt8.min...UInt8.max {
        var name = latin1("abcdefgh-ABCDEFGH-09")
        name[place] = byte
        #expect(isGood([latin1(name): "y"], section) == ASCII.isToken(byte), "\(byte) at \(place)")
      }
    }
    // The one that is known at sight.
    for place in 0..<12 {
      for byte in UInt8.min...UInt8.max {
        var name = latin1("Content-Type")
        name[place] = byte
        #expect(isGood([latin1(name): "text/plain"], section) == ASCII.isToken(byte), "\(byte) at \(place)")
      }
    }
    for name in ["", ":status", ":", "X ", " X", "X:", "X\r\nY", "X\0"] {
      #expect(!isGood([name: "y"], section), "\(name.debugDescription)")
    }
    for name in ["X", "x", "Link", "!#$%&'*+-.^_`|~09", "x_y"] { #expect(isGood([name: "y"], section)) }
  }

  @Test(arguments: sections)
  func values(section: FieldValidation.Section) {
    for byte in UInt8.min...UInt8.max {
      let value = latin1([0x61, byte, 0x62])
      #expect(isGood(["X": value], section) == ASCII.isFieldValue(byte), "\(value.debugDescription)")
    }
    for value in [
      "", "y", "a b\tc", "\u{E9}", "\u{80}\u{FF}", "\u{A0}", ":", "\"", "a\t\tb", String(repeating: "a", count: 40),
    ] {
      #expect(isGood(["X": value], section), "\(value.debugDescription)")
    }
    let bad = [
      "a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\r\n", "\r\n", "\n", "\0", "a\0", "\u{7F}", " ", "\t", " a", "a ", "\ta",
      "a\t", "  ",
      "123456789abcdef\0", "123456789abcdef\t\0", "123456789abcdef0\n",
    ]
    for value in bad { #expect(!isGood(["X": value], section), "\(value.debugDescription)") }
  }

  /// Short ones are looked at in pieces that overlap, longer ones in blocks: nothing is left out in any length.
  @Test func everyPlaceInEveryLength() {
    for length in 1...40 {
      let good = String(repeating: "a", count: length)
      #expect(isGood([good: good], .final), "\(length)")
      for place in 0..<length {
        var bytes = Array(good.utf8)
        bytes[place] = 0x01
        #expect(!isGood([latin1(bytes): "y"], .final), "name of \(length), at \(place)")
        #expect(!isGood(["X": latin1(bytes)], .final), "value of \(length), at \(place)")
      }
    }
  }

  @Test(arguments: sections)
  func viewsThatAreNone(section: FieldValidation.Section) {
    let nowhere: UnsafePointer<UInt8>? = nil
    let good = Bytes("X")
    let bad = unsafe [
      Bytes(foreign: nowhere, count: 1), Bytes(foreign: good.base, count: -1), Bytes(foreign: nowhere, count: .max),
      Bytes(foreign: nowhere, count: 12),
    ]
    func isGood(_ field: Field) -> Bool {
      let fields = [field]
      return unsafe fields.withUnsafeBufferPointer { buffer in
        unsafe FieldValidation.check(Fields(base: buffer.baseAddress, count: 1), for: section) != nil
      }
    }
    for view in bad {
      #expect(!isGood(Field(name: view, value: good)))
      #expect(!isGood(Field(name: good, value: view)))
    }
    #expect(isGood(Field(name: good, value: .empty)))
    #expect(!isGood(Field(name: .empty, value: good)))
  }

  /// No fields are good, and one that is not spoils all.
  @Test(arguments: sections)
  func together(section: FieldValidation.Section) {
    #expect(FieldValidation.check(.none, for: section)?.bytes == 0)
    #expect(isGood(["A": "1", "B": "2", "A": "3"], section))
    #expect(!isGood(["A": "1", "B": "\n", "C": "3"], section))
    #expect(!isGood(["A": "1", "C": "3", "": "2"], section))
    #expect(!isGood(["Connection": "x", "A": "1"], section))
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let value: String
    /// Where it may stand.
    let good: [FieldValidation.Section]
    var testDescription: String { "\(name): \(value)" }
  }

  @Test(arguments: [
    Row(name: "Connection", value: "close", good: []), Row(name: "connection", value: "", good: []),
    Row(name: "KEEP-ALIVE", value: "x", good: []),
    Row(name: "Proxy-Connection", value: "x", good: []), Row(name: "TE", value: "trailers", good: []),
    Row(name: "Upgrade", value: "h2c", good: []),
    Row(name: "Transfer-Encoding", value: "chunked", good: []),
    Row(name: "transfer-encoding", value: "identity", good: []),
    Row(name: "Content-Length", value: "5", good: [.final]), Row(name: "content-length", value: "0", good: [.final]),
    Row(name: "Content-Length", value: "", good: []), Row(name: "Content-Length", value: "-1", good: []),
    Row(name: "Content-Length", value: "+5", good: []),
    Row(name: "Content-Length", value: "5, 5", good: []),
    Row(name: "Content-Length", value: "9223372036854775808", good: []),
    Row(name: "Trailer", value: "X", good: [.final]),
    Row(name: "Date", value: "x", good: [.informational, .final, .trailers]),
    Row(name: "Server", value: "x", good: [.informational, .final, .trailers]),
    Row(name: "Content-Type", value: "text/html", good: [.informational, .final, .trailers]),
    Row(name: "Host", value: "a", good: [.informational, .final]),
    Row(name: "Expect", value: "a", good: [.informational, .final]),
    Row(name: "Via", value: "1.1 a", good: [.informational, .final]),
    Row(name: "Forwarded", value: "for=a", good: [.informational, .final]),
    Row(name: "X-Forwarded-For", value: "a", good: [.informational, .final]),
    Row(name: "X-Request-ID", value: "a", good: [.informational, .final]),
    Row(name: "X-Forwarded-Prefix", value: "a", good: [.informational, .final]),
    Row(name: "Link", value: "</a>; rel=preload", good: [.informational, .final, .trailers]),
    Row(name: "Set-Cookie", value: "a=b", good: [.informational, .final, .trailers]),
    Row(name: "X_Underscore", value: "1", good: [.informational, .final, .trailers]),
  ])
  func whoseToSend(_ row: Row) {
    for section in FieldValidationTests.sections {
      #expect(isGood([row.name: row.value], section) == row.good.contains(section), "\(section)")
    }
  }

  @Test func whatTheyAmountTo() throws {
    var verdict = try #require(judge(["X": "yz", "Content-Length": "42", "dAtE": "d", "SERVER": ""], .final))
    #expect(verdict.bytes == 3 + 16 + 5 + 6 && verdict.contentLength == 42 && verdict.hasDate && verdict.hasServer)
    verdict = try #require(judge(["X": "y"], .final))
    #expect(verdict.bytes == 2 && verdict.contentLength == nil && !verdict.hasDate && !verdict.hasServer)
    verdict = try #require(judge(["Content-Length": "9223372036854775807"], .final))
    #expect(verdict.contentLength == .max)
  }

  @Test func lengthsStandOnce() {
    #expect(!isGood(["Content-Length": "5", "Content-Length": "5"], .final))
    #expect(!isGood(["Content-Length": "5", "X": "y", "content-length": "6"], .final))
    #expect(!isGood(["Content-Length": "0", "Content-Length": "0"], .final))
  }
}
