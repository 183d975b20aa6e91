import Testing

@testable import Configuration

@Suite struct AccessFormatTests {
  private func pieces(_ text: String) throws -> [AccessFormat.Piece] { try AccessFormat(text).pieces }

  @Test func atomsAndText() throws {
    #expect(try pieces("%(h)s") == [.atom(.remoteAddress)])
    #expect(try pieces("a%%b %(s)s%(B)s") == [.literal("a%b "), .atom(.status), .atom(.bodyBytes)])
    #expect(try pieces("%({X-Id}i)s,%({Vary}o)s") == [.requestField("x-id"), .literal(","), .responseField("vary")])
    #expect(
      try pieces("%({HTTP_X_ID}e)s%({CONTENT_TYPE}e)s") == [.requestField("x-id"), .requestField("content-type")])
    #expect(try pieces("%({REMOTE_ADDR}e)s") == [.atom(.remoteAddress)])
  }

  @Test func everyAtomHasAName() throws {
    for atom in AccessAtom.allCases { #expect(try pieces("%(\(atom.rawValue))s") == [.atom(atom)]) }
  }

  @Test func namedFormats() throws {
    for name in ["common", "combined", "json"] { #expect(try AccessFormat(name).text == name) }
    #expect(try AccessFormat("json").notation == .json)
    // A user's own combined is the same as the named one.
    let own = #"%(h)s - %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s""#
    #expect(try pieces(own) == pieces("combined"))
  }

  @Test(arguments: ["%", "%(", "%(h", "%(h)", "%h", "%()s", "%({}i)s", "%({a}x)s", "%({a b}i)s", "%(hh)s", "text", ""])
  func whatIsNone(text: String) {
    #expect(throws: ValueSyntaxError.self) { try AccessFormat(text) }
  }

  @Test func theSettings() throws {
    #expect(try settings(minimal).log.access == "off")
    #expect(try settings(minimal).log.accessFormat.text == "combined")
    #expect(try settings("[log]\naccess = \"/a/b\"\n\(minimal)").log.accessFile == "/a/b")
    #expect(try settings("[log]\naccess = \"stdout\"\n\(minimal)").log.accessFile == nil)
    #expect(!diagnostics("[log]\naccess = \"a/b\"").isEmpty)
    #expect(
      diagnostics("[log]\naccess_format = \"%(h)s %(y)s\"")
        == ["outrider.toml:2:17: log.access_format: character 7: there is no atom \"y\""])
  }
}
