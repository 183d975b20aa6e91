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

  /// In memory of exactly its size, a value without bytes at the front of it.
  @Test func aCookieMayBeginWithNothing() {
    let parts = [("cookie", ""), ("cookie", "a=b"), ("cookie", "")]
    let refusal = read(Self.get + parts) { head in
      #expect(fields(head) == ["host: a", "cookie: ; a=b; "])
    }
    #expect(refusal == nil)
    let apart = read(Self.get + [("cookie", ""), ("x", ""), ("cookie", "a=b")]) { head in
      #expect(fields(head) == ["host: a", "cookie: ; a=b", "x: "])
    }
    #expect(apart == nil)
  }

  /// Plugins may look at the address of nothing.
  @Test func emptyValuesHaveAddresses() {
    let refusal = read(Self.get + [("x", ""), ("y", "")]) { head in
      for index in 0..<head.fields.count { #expect(unsafe head.fields[index].value.base != nil) }
    }
    #expect(refusal == nil)
  }

  /// As long as the memory of a head grows there is no view of it: whatever its size, all parts are what was sent.
  @Test func headsOfEverySizeAreReadAlike() {
    for size in 0..<2200 {
      let filler = ("x-filler", String(repeating: "f", count: size))
      let refusal = read([Self.get[0], Self.get[1], (":path", "/path?query"), (":authority", "authority"), filler]) {
        #expect($0.path.escaped() == "/path" && $0.query.escaped() == "query", "\(size)")
        #expect($0.target.escaped() == "/path?query" && $0.authority.escaped() == "authority", "\(size)")
        #expect(text($0.fields[0].value) == "authority" && $0.fields[1].value.count == size, "\(size)")
      }
      #expect(refusal == nil, "\(size)")
    }
  }

  /// Each part costs its own bytes, wherever it stands: 6 KB of cookies with other fields between them are no 8 KB.
  @Test func partsOfACookieAreCopiedOnce() {
    let value = String(repeating: "v", count: 250)
    let parts = (0..<28).flatMap { [("cookie", "c\($0 % 10)=\(value)"), ("x-\($0)", "y")] }
    let refusal = read(Self.get + parts) { head in
      #expect(text(head.fields[1].value) == (0..<28).map { "c\($0 % 10)=\(value)" }.joined(separator: "; "))
      #expect(head.fields.count == 30)
    }
    #expect(refusal == nil)
    #expect(read(Self.get + (0..<33).map { _ in ("cookie", "c=\(value)") }) == .fieldTooLong)
  }

  /// Once refused, no later field changes anything.
  @Test func aRefusalIsForEver() {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: RequestLimits().fields + 1)
    defer { unsafe storage.deallocate() }
    for bad in [("connection", "close"), ("host", "not a host"), ("content-length", "x")] {
      var reader = unsafe StreamHeadReader(limits: RequestLimits(), underscores: .drop, storage: storage)
      func take(_ name: String, _ value: String) {
        withFields([name: value]) { reader.take($0[0]) }
      }
      for (name, value) in Self.get { take(name, value) }
      take(bad.0, bad.1)
      let size = reader.size
      for index in 0..<50 { take("x-\(index)", String(repeating: "v", count: 100)) }
      take("te", "gzip, \0")
      #expect(reader.size == size)
      let refusal = reader.finish(ends: true)
      #expect(refusal == read(Self.get + [bad]) && refusal != nil)
    }
  }

  /// What a large head has taken is given back with it.
  @Test func memoryIsGivenBack() {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: RequestLimits().fields + 1)
    defer { unsafe storage.deallocate() }
    var reader = unsafe StreamHeadReader(limits: RequestLimits(), underscores: .drop, storage: storage)
    for round in 0..<3 {
      for index in 0..<4 { withFields(["x-\(index)": String(repeating: "v", count: 7000)]) { reader.take($0[0]) } }
      #expect(reader.size > 28_000, "\(round)")
      reader.reset()
      #expect(reader.size < 6000, "\(round)")
    }
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
