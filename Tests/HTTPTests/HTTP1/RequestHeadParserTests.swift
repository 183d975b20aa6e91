import HTTP
import Testing

/// What the corpus cannot show: what a head says to the server, and what the parser needs to know it.
@Suite struct RequestHeadParserTests {
  private func traits(_ fields: String, version: String = "1.1") -> RequestTraits? {
    guard case .complete(let head) = readHead("GET / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n") else { return nil }
    return head.traits
  }

  @Test(
    arguments: [
      ("", [.keepAlive]), ("Connection: close\r\n", []), ("Connection: x, Close\r\n", []),
      ("Connection: keep-alive\r\n", [.keepAlive]),
      ("Expect: 100-continue\r\n", [.keepAlive, .expectsContinue]),
      ("Expect: 100-CONTINUE\r\n", [.keepAlive, .expectsContinue]),
      ("TE: trailers\r\n", [.keepAlive, .acceptsTrailers]), ("TE: gzip, Trailers\r\n", [.keepAlive, .acceptsTrailers]),
      ("TE: gzip\r\nTE: trailers\r\n", [.keepAlive, .acceptsTrailers]), ("TE: gzip\r\n", [.keepAlive]),
      ("TE: trailersx\r\n", [.keepAlive]),
      ("Via: 1.1 p\r\n", [.keepAlive, .proxied]), ("Forwarded: for=b\r\n", [.keepAlive, .proxied]),
      ("X-Forwarded-For: b\r\n", [.keepAlive, .proxied]), ("x-forwarded-PROTO: b\r\n", [.keepAlive, .proxied]),
      ("X-Forwarded-Host: b\r\n", [.keepAlive, .proxied]), ("X-Forwarded-Port: 1\r\n", [.keepAlive, .proxied]),
      ("X-Forwarded-: b\r\n", [.keepAlive]), ("X-Forwarded: b\r\n", [.keepAlive]),
      ("No-Early-Hints: 1\r\n", [.keepAlive, .refusesEarlyHints]), ("No-Early-Hints: 0\r\n", [.keepAlive]),
      ("No-Early-Hints: 11\r\n", [.keepAlive]),
      ("X-Request-ID: 1\r\n", [.keepAlive, .hasRequestID]),
    ] as [(String, RequestTraits)])
  func traitsOfHTTP11(fields: String, expected: RequestTraits) {
    #expect(traits(fields) == expected)
  }

  @Test(
    arguments: [
      ("", []), ("Connection: keep-alive\r\n", [.keepAlive]), ("Connection: x, KEEP-ALIVE\r\n", [.keepAlive]),
      ("Connection: keep-alive, close\r\n", []),
      ("Connection: keep-alive\r\nConnection: close\r\n", []), ("Expect: 100-continue\r\n", []), ("Expect: x\r\n", []),
      ("TE: trailers\r\n", [.acceptsTrailers]), ("Via: 1.0 p\r\n", [.proxied]),
    ] as [(String, RequestTraits)])
  func traitsOfHTTP10(fields: String, expected: RequestTraits) {
    #expect(traits(fields, version: "1.0") == expected)
  }

  @Test func headIsATraitOfTheMethodInCapitals() {
    for (method, isHead) in [("HEAD", true), ("head", false), ("HEADS", false), ("HEA", false), ("GET", false)] {
      guard case .complete(let head) = readHead("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n") else {
        Issue.record("\(method) was not read")
        continue
      }
      #expect(head.traits.contains(.head) == isHead)
    }
  }

  @Test(
    arguments: [
      ("", .none), ("Content-Length: 0\r\n", .fixed(0)), ("Content-Length: 5\r\n", .fixed(5)),
      ("Content-Length: 9223372036854775807\r\n", .fixed(.max)), ("Transfer-Encoding: chunked\r\n", .chunked),
    ] as [(String, BodyFraming)])
  func framing(fields: String, expected: BodyFraming) {
    guard case .complete(let head) = readHead("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n") else {
      Issue.record("not read")
      return
    }
    #expect(head.framing == expected)
  }

  @Test func theLengthIsThatOfTheHead() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    for (before, after) in [("", ""), ("\r\n", ""), ("", "body"), ("\r\n", head)] {
      guard case .complete(let read) = readHead(before + head + after) else {
        Issue.record("not read")
        continue
      }
      #expect(read.length == (before + head).utf8.count)
    }
  }

  /// So that the deadline for heads begins with the head.
  @Test func hasBegunWithTheFirstByteOfTheRequest() {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: 100)
    defer { unsafe storage.deallocate() }
    var parser = unsafe RequestHeadParser(limits: RequestLimits(), underscores: .drop, storage: storage)
    #expect(!parser.hasBegun)
    #expect(parse(latin1("\r"), with: &parser) == .incomplete && !parser.hasBegun)
    #expect(parse(latin1("\r\n"), with: &parser) == .incomplete && !parser.hasBegun)
    #expect(parse(latin1("\r\nG"), with: &parser) == .incomplete && parser.hasBegun)
    parser.reset()
    #expect(!parser.hasBegun)
    #expect(parse(latin1("G"), with: &parser) == .incomplete && parser.hasBegun)
  }

  /// Nothing of one request is left in the next.
  @Test func resetForgetsEverything() {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: 100)
    defer { unsafe storage.deallocate() }
    var parser = unsafe RequestHeadParser(limits: RequestLimits(), underscores: .drop, storage: storage)
    let full = """
      HEAD http://b/x?y HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: x\r\nConnection: keep-alive\r\nTE: trailers\r\n\
      Via: x\r\nNo-Early-Hints: 1\r\nX-Request-ID: 1\r\n\r\n
      """
    for first in [
      full, String(full.dropLast(2)), "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: x\r\nHost: a\r\nHost: b",
    ] {
      _ = parse(latin1(first), with: &parser)
      parser.reset()
      let second = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      let expected = ReadHead(traits: [.keepAlive], framing: .none, version: .http11, length: second.count)
      #expect(parse(second, with: &parser) == .complete(expected))
      #expect(parser.head.fields.count == 1 && parser.head.query.isEmpty)
      parser.reset()
    }
  }

  @Test func aCompleteHeadStaysComplete() {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: 100)
    defer { unsafe storage.deallocate() }
    var parser = unsafe RequestHeadParser(limits: RequestLimits(), underscores: .drop, storage: storage)
    let bytes = latin1("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    let first = parse(bytes, with: &parser)
    #expect(parse(bytes, with: &parser) == first)
  }

  // MARK: Every byte in every place, since lines are looked at several bytes at a time

  @Test(arguments: 0..<20)
  func bytesOfNames(place: Int) {
    for byte in UInt8.min...UInt8.max where byte != ASCII.colon {
      var name = latin1("abcdefgh-ABCDEFGH-09")
      name[place] = byte
      let progress = readHead("GET / HTTP/1.1\r\nHost: a\r\n\(latin1(name)): y\r\n\r\n")
      switch byte {
      case ASCII.cr where place == 0: #expect(progress == .refused(.missingLineEnd))
      case ASCII.space where place == 0, ASCII.tab where place == 0: #expect(progress == .refused(.foldedField))
      case _ where ASCII.isToken(byte): #expect(progress != .refused(.malformedFieldName) && progress != .incomplete)
      default: #expect(progress == .refused(.malformedFieldName), "\(byte)")
      }
    }
  }

  @Test(arguments: 0..<36)
  func bytesOfValues(place: Int) {
    for byte in UInt8.min...UInt8.max {
      var value = latin1("abcdefghijklmnopqrstuvwxyz0123456789")
      value[place] = byte
      let progress = readHead("GET / HTTP/1.1\r\nHost: a\r\nX: \(latin1(value))\r\n\r\n")
      switch byte {
      case ASCII.cr, ASCII.lf: #expect(progress == .refused(.missingLineEnd))
      case _ where ASCII.isFieldValue(byte):
        #expect(progress != .refused(.malformedFieldValue) && progress != .incomplete)
      default: #expect(progress == .refused(.malformedFieldValue), "\(byte)")
      }
    }
  }

  @Test(arguments: 0..<36)
  func bytesOfTargets(place: Int) {
    for byte in UInt8.min...UInt8.max {
      var target = latin1("abcdefghijklmnopqrstuvwxyz0123456789")
      target[place] = byte
      let progress = readHead("GET /\(latin1(target)) HTTP/1.1\r\nHost: a\r\n\r\n")
      switch byte {
      case ASCII.cr, ASCII.space: #expect(progress == .refused(.malformedRequestLine))
      case UInt8(ascii: "#"): #expect(progress == .refused(.malformedTarget))
      case 0x21...0x7E: #expect(progress != .refused(.malformedTarget) && progress != .incomplete)
      default: #expect(progress == .refused(.malformedTarget), "\(byte)")
      }
    }
  }

  // MARK: The limits as they are by default

  private func request(target: Int = 1, fields: [String] = []) -> String {
    "GET /" + String(repeating: "a", count: target - 1) + " HTTP/1.1\r\nHost: a\r\n"
      + fields.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  private func isRead(_ request: String, limits: RequestLimits = RequestLimits()) -> Bool {
    guard case .complete = readHead(request, limits: limits) else { return false }
    return true
  }

  @Test func requestLine() {
    let longest = 8192 - "GET  HTTP/1.1".utf8.count
    #expect(isRead(request(target: longest)))
    #expect(readHead(request(target: longest + 1)) == .refused(.requestLineTooLong))
    #expect(readHead(request(target: 100_000)) == .refused(.requestLineTooLong))
  }

  @Test func fieldSize() {
    let longest = String(repeating: "a", count: 8192 - 3)
    #expect(isRead(request(fields: ["X: " + longest])))
    #expect(readHead(request(fields: ["X: a" + longest])) == .refused(.fieldTooLong))
    #expect(readHead(request(fields: ["X: " + String(repeating: "a", count: 100_000)])) == .refused(.fieldTooLong))
    #expect(readHead(request(fields: [String(repeating: "a", count: 100_000)])) == .refused(.fieldTooLong))
  }

  @Test func numberOfFields() {
    #expect(isRead(request(fields: (0..<99).map { "X-\($0): y" })))
    #expect(readHead(request(fields: (0..<100).map { "X-\($0): y" })) == .refused(.tooManyFields))
    #expect(readHead(request(fields: (0..<100_000).map { "X-\($0): y" })) == .refused(.tooManyFields))
    #expect(readHead(request(fields: (0..<100).map { "X_\($0): y" })) == .refused(.tooManyFields))
  }

  @Test func sizeOfTheHead() {
    // Four fields of 8,000 bytes, and one that brings it to 32 KiB.
    let large = (0..<4).map { "X-\($0): " + String(repeating: "a", count: 7995) }
    let rest = 32_768 - request(fields: large).utf8.count - "X: \r\n".utf8.count
    #expect(isRead(request(fields: large + ["X: " + String(repeating: "a", count: rest)])))
    #expect(
      readHead(request(fields: large + ["X: " + String(repeating: "a", count: rest + 1)])) == .refused(.headTooLarge))
  }

  /// Where the limits are one, a line that never ends is too long a line, and not a request that never comes.
  @Test func aLineAsLongAsAHeadMayBe() {
    var limits = RequestLimits()
    limits.requestLine = 1024
    limits.fieldSize = 1024
    limits.head = 1024
    #expect(readHead(request(target: 2000), limits: limits) == .refused(.requestLineTooLong))
    #expect(readHead("GET /" + String(repeating: "a", count: 1019), limits: limits) == .refused(.requestLineTooLong))
    #expect(readHead("GET /" + String(repeating: "a", count: 1018), limits: limits) == .incomplete)
    #expect(
      readHead("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 1005), limits: limits) == .refused(.headTooLarge)
    )
    #expect(readHead("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 1004), limits: limits) == .incomplete)
  }

  @Test func oneFieldIsEnough() {
    var limits = RequestLimits()
    limits.fields = 1
    #expect(isRead(request(), limits: limits))
    #expect(readHead(request(fields: ["X: y"]), limits: limits) == .refused(.tooManyFields))
  }
}
