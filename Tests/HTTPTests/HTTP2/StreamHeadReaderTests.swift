import HTTP
import Testing

/// A header block's fields become the head that HTTP/1 would have made, or are refused as there.
@Suite struct StreamHeadReaderTests {
  private static let get: [(String, String)] = [
    (":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/p?q"),
  ]

  private func read(
    _ fields: [(String, String)], limits: RequestLimits = RequestLimits(), underscores: UnderscoreFields = .drop,
    ends: Bool = true, _ look: (RequestHead) -> Void = { _ in }
  ) -> Refusal? {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields + 1)
    defer { unsafe storage.deallocate() }
    var reader = unsafe StreamHeadReader(limits: limits, underscores: underscores, storage: storage)
    for (name, value) in fields {
      let (name, value) = (Array(name.utf8), Array(value.utf8))
      unsafe name.withUnsafeBufferPointer { name in
        unsafe value.withUnsafeBufferPointer { value in
          reader.take(
            unsafe Field(
              name: Bytes(base: name.baseAddress, count: name.count),
              value: Bytes(base: value.baseAddress, count: value.count)))
        }
      }
    }
    let refusal = reader.finish(ends: ends)
    if refusal == nil { look(reader.head) }
    return refusal
  }

  private func fields(_ head: RequestHead) -> [String] {
    (0..<head.fields.count).map { "\(head.fields[$0].name.escaped()): \(head.fields[$0].value.escaped())" }
  }

  @Test func pseudoFieldsAndHost() {
    let refusal = read(Self.get + [("x", "1")]) { head in
      #expect(head.method.escaped() == "GET" && head.target.escaped() == "/p?q")
      #expect(head.path.escaped() == "/p" && head.query.escaped() == "q" && head.authority.escaped() == "a")
      #expect(head.version == .http2 && head.framing == .none)
      #expect(fields(head) == ["host: a", "x: 1"])
    }
    #expect(refusal == nil)
  }

  @Test func memoryGrowsWithTheHead() {
    let many = (0..<90).map { ("x-\($0)", String(repeating: "v", count: 200)) }
    let refusal = read(Self.get + many) { head in
      #expect(fields(head) == ["host: a"] + many.map { "\($0.0): \($0.1)" })
      #expect(head.path.escaped() == "/p")
    }
    #expect(refusal == nil)
  }

  @Test func crumbsAreJoinedWhereverTheyStand() {
    let crumbs = [("cookie", "a=1"), ("x", "1"), ("cookie", "b=2"), ("cookie", "c=3")]
    let refusal = read(Self.get + crumbs) { #expect(fields($0) == ["host: a", "cookie: a=1; b=2; c=3", "x: 1"]) }
    #expect(refusal == nil)
  }

  @Test func framing() {
    var framings: [BodyFraming] = []
    _ = read(Self.get, ends: false) { framings.append($0.framing) }
    _ = read(Self.get + [("content-length", "5")], ends: false) { framings.append($0.framing) }
    _ = read(Self.get + [("content-length", "0")]) { framings.append($0.framing) }
    #expect(framings == [.chunked, .fixed(5), .fixed(0)])
  }

  @Test func refusals() {
    let withoutAuthority = [Self.get[0], Self.get[1], Self.get[3]]
    #expect(read(withoutAuthority) == .missingHost)
    #expect(read(withoutAuthority + [("host", "b")]) == nil)
    #expect(read(Self.get + [("host", "b")]) == .conflictingHost)
    #expect(read(Self.get + [("host", "a"), ("host", "a")]) == .duplicateField)
    #expect(read(withoutAuthority + [(":authority", "u@a")]) == .malformedHost)
    #expect(read(Array(Self.get[..<3]) + [(":path", "http://a/")]) == .malformedTarget)
    #expect(read(Array(Self.get[..<3]) + [(":path", "*")]) == .malformedTarget)
    #expect(read(Array(Self.get[..<3]) + [(":path", "/#f")]) == .malformedTarget)
    #expect(read(Array(Self.get[..<3])) == .malformedTarget)
    #expect(read(Self.get + [("connection", "close")]) == .connectionField)
    #expect(read(Self.get + [("content-length", "-1")]) == .malformedContentLength)
    #expect(read(Self.get + [("expect", "what")]) == .unknownExpectation)
    #expect(read(Self.get + [("x_y", "1")], underscores: .refuse) == .underscoreInFieldName)
  }

  @Test func limits() {
    var limits = RequestLimits()
    limits.fields = 3
    limits.fieldSize = 20
    limits.head = 100
    #expect(read(Self.get + [("a", ""), ("b", ""), ("c", "")], limits: limits) == nil)
    #expect(read(Self.get + [("a", ""), ("b", ""), ("c", ""), ("d", "")], limits: limits) == .tooManyFields)
    #expect(read(Self.get + [("a", String(repeating: "v", count: 17))], limits: limits) == nil)
    #expect(read(Self.get + [("a", String(repeating: "v", count: 18))], limits: limits) == .fieldTooLong)
    let large = (0..<3).map { ("\($0)", String(repeating: "v", count: 15)) }
    #expect(read(Self.get + large, limits: limits) == .headTooLarge)
  }
}
