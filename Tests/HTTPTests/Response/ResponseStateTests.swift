import HTTP
import Testing

/// Acts in order, each with what it must come to; tables by what they are about.
@Suite struct ResponseStateTests {
  enum Act: Sendable {
    case inform(UInt32, FieldList)
    case head(UInt32, FieldList = [:], whole: Int? = nil, trailers: Bool = false)
    case body(UInt64)
    case end
    case trailers(FieldList, accepted: Bool = true)
    case abandon
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    var version = HTTPVersion.http11
    var traits: RequestTraits = []
    var hints = EarlyHintPolicy(allowed: true, maxPerRequest: 8, maxBytes: 8192)
    let acts: [(Act, CallStatus)]
    /// At the end.
    var complete = false
    var hasHead = true
    var bounds: ResponseState.BodyBounds?

    var testDescription: String { name }
  }

  private func outcome(of act: Act, on state: inout ResponseState) -> CallStatus {
    switch act {
    case .inform(let status, let list): return withFields(list) { state.informational(status: status, fields: $0) }
    case .head(let status, let list, let whole, let trailers):
      let outcome = withFields(list) {
        head(of: &state, status: status, $0, whole: whole, trailersFollow: trailers)
      }
      if case .refused(let refusal) = outcome { return refusal }
      return .ok
    case .body(let count): return state.body(count)
    case .end: return state.endBody()
    case .trailers(let list, let accepted): return withFields(list) { state.trailers($0, accepted: accepted) }
    case .abandon:
      state.abort()
      return .ok
    }
  }

  private func play(_ row: Row) {
    var state = ResponseState(version: row.version, traits: row.traits, hints: row.hints)
    for (index, (act, expected)) in row.acts.enumerated() {
      #expect(outcome(of: act, on: &state) == expected, "act \(index): \(act)")
    }
    #expect(state.isComplete == row.complete)
    #expect(state.hasHead == row.hasHead)
    if let bounds = row.bounds { #expect(state.bounds == bounds) }
  }

  private static let link: FieldList = ["Link": "</a.css>"]
  private static let length: FieldList = ["Content-Length": "5"]
  private static let trailer: FieldList = ["X": "y"]

  // MARK: Hints

  @Test(arguments: [
    Row(name: "one", acts: [(.inform(103, link), .ok)], hasHead: false),
    Row(name: "several, then a head", acts: [(.inform(103, link), .ok), (.inform(103, link), .ok), (.head(200), .ok)]),
    Row(
      name: "every status of the plugin's",
      acts: [(.inform(102, link), .ok), (.inform(104, link), .ok), (.inform(199, link), .ok)], hasHead: false),
    Row(
      name: "statuses that are not the plugin's",
      acts: [0, 99, 100, 101, 200, 999, .max].map { (.inform($0, link), .invalid) } + [(.inform(103, link), .ok)],
      hasHead: false),
    Row(name: "no fields", acts: [(.inform(103, [:]), .skipped), (.head(200), .ok)]),
    Row(
      name: "not allowed", hints: .init(allowed: false, maxPerRequest: 8, maxBytes: 8192),
      acts: [(.inform(103, link), .skipped), (.inform(103, link), .skipped), (.head(200), .ok)]),
    Row(
      name: "malformed, even where none would go out", hints: .init(allowed: false, maxPerRequest: 8, maxBytes: 8192),
      acts: [(.inform(103, ["X": "\n"]), .invalid), (.inform(200, link), .invalid)], hasHead: false),
    Row(
      name: "malformed fields",
      acts: [
        (.inform(103, ["": "x"]), .invalid), (.inform(103, ["X": "a\r\nb"]), .invalid),
        (.inform(103, ["Link": "ok", "X y": "z"]), .invalid),
        (.inform(103, ["Content-Length": "5"]), .invalid), (.inform(103, ["Connection": "close"]), .invalid),
        (.inform(103, ["Trailer": "X"]), .invalid),
        (.inform(103, link), .ok),
      ], hasHead: false),
    Row(
      name: "as many as there may be", hints: .init(allowed: true, maxPerRequest: 2, maxBytes: 8192),
      acts: [
        (.inform(103, link), .ok), (.inform(103, link), .ok), (.inform(103, link), .limit),
        (.inform(103, link), .limit), (.head(200), .ok),
      ]),
    Row(
      name: "what is not sent does not count", hints: .init(allowed: true, maxPerRequest: 1, maxBytes: 8192),
      acts: [
        (.inform(103, [:]), .skipped), (.inform(103, ["X": "\n"]), .invalid), (.inform(101, link), .invalid),
        (.inform(103, link), .ok), (.inform(103, link), .limit),
      ],
      hasHead: false),
    Row(
      name: "none at all", hints: .init(allowed: true, maxPerRequest: 0, maxBytes: 8192),
      acts: [(.inform(103, link), .limit)], hasHead: false),
    // Name, ": ", value, CR LF: "A: 123\r\n" is eight bytes.
    Row(
      name: "as large as may be", hints: .init(allowed: true, maxPerRequest: 8, maxBytes: 8),
      acts: [(.inform(103, ["A": "123"]), .ok)], hasHead: false),
    Row(
      name: "a byte too large", hints: .init(allowed: true, maxPerRequest: 8, maxBytes: 8),
      acts: [(.inform(103, ["A": "1234"]), .limit), (.inform(103, ["A": ""]), .ok)], hasHead: false),
    Row(
      name: "two fields that are too large together", hints: .init(allowed: true, maxPerRequest: 8, maxBytes: 15),
      acts: [(.inform(103, ["A": "123", "B": "123"]), .limit)], hasHead: false),
    Row(
      name: "behind the head",
      acts: [
        (.head(200), .ok), (.inform(103, link), .wrongState), (.body(3), .ok), (.inform(103, link), .wrongState),
        (.end, .ok),
      ], complete: true),
    Row(
      name: "behind a whole answer", acts: [(.head(200, whole: 0), .ok), (.inform(103, link), .wrongState)],
      complete: true),
    Row(
      name: "behind the head, malformed or not allowed", hints: .init(allowed: false, maxPerRequest: 0, maxBytes: 0),
      acts: [(.head(200), .ok), (.inform(103, ["X": "\n"]), .wrongState)]),
    Row(name: "behind the end", acts: [(.abandon, .ok), (.inform(103, link), .wrongState)], complete: true),
    Row(
      name: "behind a head that was refused", acts: [(.head(200, ["X": "\n"]), .invalid), (.inform(103, link), .ok)],
      hasHead: false),
    Row(name: "to HEAD", traits: .head, acts: [(.inform(103, link), .ok)], hasHead: false),
  ])
  func hints(_ row: Row) { play(row) }

  @Test func hintsAreCounted() {
    var state = ResponseState(
      version: .http11, traits: [], hints: .init(allowed: true, maxPerRequest: 2, maxBytes: 100))
    #expect(state.hintsSent == 0)
    for expected in [1, 2, 2] {
      _ = withFields(ResponseStateTests.link) { state.informational(status: 103, fields: $0) }
      #expect(state.hintsSent == expected)
    }
  }

  // MARK: Heads

  @Test(arguments: [
    Row(name: "nothing yet", acts: [], hasHead: false),
    Row(name: "of unknown length", acts: [(.head(200), .ok)], bounds: .open),
    Row(name: "of known length", acts: [(.head(200, length), .ok)], bounds: .remaining(5)),
    Row(
      name: "of length zero", acts: [(.head(200, ["Content-Length": "0"]), .ok), (.end, .ok)], complete: true,
      bounds: .remaining(0)),
    Row(name: "whole", acts: [(.head(200, whole: 5), .ok)], complete: true, bounds: .remaining(5)),
    Row(name: "whole and empty", acts: [(.head(200, whole: 0), .ok)], complete: true, bounds: .remaining(0)),
    Row(name: "whole with its length", acts: [(.head(200, length, whole: 5), .ok)], complete: true),
    Row(
      name: "whole with another length",
      acts: [
        (.head(200, length, whole: 4), .invalid), (.head(200, length, whole: 6), .invalid),
        (.head(200, length, whole: 0), .invalid),
      ], hasHead: false),
    Row(
      name: "the lowest and the highest status",
      acts: [
        (.head(199), .invalid), (.head(1000), .invalid), (.head(0), .invalid), (.head(.max), .invalid),
        (.head(103), .invalid), (.head(999), .ok),
      ]),
    Row(name: "the lowest status", acts: [(.head(200), .ok)]),
    Row(
      name: "twice", acts: [(.head(200), .ok), (.head(200), .wrongState), (.end, .ok), (.head(200), .wrongState)],
      complete: true),
    Row(name: "twice, the second malformed", acts: [(.head(200), .ok), (.head(0, ["": ""]), .wrongState)]),
    Row(
      name: "malformed, then well",
      acts: [
        (.head(200, ["Transfer-Encoding": "chunked"]), .invalid), (.head(200, ["X": "\0"]), .invalid),
        (.head(500), .ok),
      ]),
    Row(
      name: "with two lengths", acts: [(.head(200, ["Content-Length": "5", "Content-Length": "5"]), .invalid)],
      hasHead: false),
    Row(name: "behind the end", acts: [(.abandon, .ok), (.head(200), .wrongState)], complete: true),
  ])
  func heads(_ row: Row) { play(row) }

  // MARK: Answers without a body

  @Test(arguments: [
    Row(
      name: "HEAD", traits: .head, acts: [(.head(200), .ok), (.body(7), .skipped), (.body(0), .skipped), (.end, .ok)],
      complete: true, bounds: .absent),
    Row(
      name: "HEAD with a length", traits: .head, acts: [(.head(200, length), .ok), (.end, .ok)], complete: true,
      bounds: .absent),
    Row(
      name: "HEAD with a length and other bytes", traits: .head,
      acts: [(.head(200, length), .ok), (.body(999), .skipped), (.end, .ok)], complete: true, bounds: .absent),
    Row(name: "HEAD, whole", traits: .head, acts: [(.head(200, whole: 5), .ok)], complete: true, bounds: .absent),
    Row(
      name: "HEAD, whole with its length", traits: .head, acts: [(.head(200, length, whole: 5), .ok)], complete: true,
      bounds: .absent),
    Row(
      name: "HEAD, whole and empty with the length of what GET has", traits: .head,
      acts: [(.head(200, length, whole: 0), .ok)], complete: true, bounds: .absent),
    Row(
      name: "HEAD, whole with another length", traits: .head, acts: [(.head(200, length, whole: 4), .invalid)],
      hasHead: false),
    Row(name: "204", acts: [(.head(204), .ok), (.body(1), .skipped), (.end, .ok)], complete: true, bounds: .absent),
    Row(name: "204, whole", acts: [(.head(204, whole: 0), .ok)], complete: true, bounds: .absent),
    Row(name: "204 with bytes", acts: [(.head(204, whole: 1), .invalid)], hasHead: false),
    Row(
      name: "204 with a length",
      acts: [
        (.head(204, length), .invalid), (.head(204, ["Content-Length": "0"]), .invalid),
        (.head(204, ["Content-Length": "0"], whole: 0), .invalid),
      ], hasHead: false),
    Row(name: "304", acts: [(.head(304), .ok), (.body(1), .skipped), (.end, .ok)], complete: true, bounds: .absent),
    Row(
      name: "304 with the length of what 200 has", acts: [(.head(304, length), .ok), (.end, .ok)], complete: true,
      bounds: .absent),
    Row(
      name: "304, whole, with the length of what 200 has", acts: [(.head(304, length, whole: 0), .ok)], complete: true,
      bounds: .absent),
    Row(
      name: "304 with bytes", acts: [(.head(304, whole: 1), .invalid), (.head(304, length, whole: 5), .invalid)],
      hasHead: false),
    Row(name: "205", acts: [(.head(205), .ok), (.body(1), .skipped), (.end, .ok)], complete: true, bounds: .absent),
    Row(name: "205, whole", acts: [(.head(205, whole: 0), .ok)], complete: true, bounds: .absent),
    Row(
      name: "205 with a length of zero", acts: [(.head(205, ["Content-Length": "0"]), .ok), (.end, .ok)],
      complete: true, bounds: .absent),
    Row(name: "205 with bytes", acts: [(.head(205, whole: 1), .invalid)], hasHead: false),
    // Unlike 204 and 304, a 205 has the body that its head says (RFC 9112 section 6.3): the client would wait for it.
    Row(name: "205 with a length", acts: [(.head(205, length), .invalid)], hasHead: false),
    Row(name: "205, whole, with a length", acts: [(.head(205, length, whole: 0), .invalid)], hasHead: false),
    Row(
      name: "no trailers for them", traits: .head,
      acts: [(.head(200, trailers: true), .ok), (.end, .ok), (.trailers(trailer), .skipped)], complete: true),
  ])
  func withoutBody(_ row: Row) { play(row) }

  // MARK: Bodies

  @Test(arguments: [
    Row(
      name: "as long as announced", acts: [(.head(200, length), .ok), (.body(5), .ok), (.end, .ok)], complete: true,
      bounds: .remaining(0)),
    Row(
      name: "in parts",
      acts: [
        (.head(200, length), .ok), (.body(2), .ok), (.body(0), .ok), (.body(3), .ok), (.body(0), .ok), (.end, .ok),
      ], complete: true),
    Row(
      name: "too long",
      acts: [(.head(200, length), .ok), (.body(6), .invalid), (.body(5), .ok), (.body(1), .invalid), (.end, .ok)],
      complete: true),
    Row(
      name: "too long by its second part", acts: [(.head(200, length), .ok), (.body(3), .ok), (.body(3), .invalid)],
      bounds: .remaining(2)),
    Row(
      name: "too long by far",
      acts: [(.head(200, length), .ok), (.body(.max), .invalid), (.body(UInt64(Int64.max) + 1), .invalid)],
      bounds: .remaining(5)),
    Row(
      name: "longer than nothing",
      acts: [(.head(200, ["Content-Length": "0"]), .ok), (.body(1), .invalid), (.end, .ok)], complete: true),
    Row(
      name: "too short",
      acts: [
        (.head(200, length), .ok), (.body(4), .ok), (.end, .invalid), (.body(1), .wrongState), (.end, .wrongState),
      ], complete: true),
    Row(name: "none at all", acts: [(.head(200, length), .ok), (.end, .invalid)], complete: true),
    Row(
      name: "too short for trailers",
      acts: [
        (.head(200, length, trailers: true), .ok), (.body(4), .ok), (.trailers(trailer), .invalid),
        (.trailers(trailer), .wrongState),
      ], complete: true),
    Row(
      name: "the longest",
      acts: [
        (.head(200, ["Content-Length": "9223372036854775807"]), .ok), (.body(UInt64(Int64.max)), .ok), (.end, .ok),
      ], complete: true),
    Row(
      name: "open", acts: [(.head(200), .ok), (.body(.max), .ok), (.body(.max), .ok), (.body(0), .ok), (.end, .ok)],
      complete: true, bounds: .open),
    Row(name: "open and empty", acts: [(.head(200), .ok), (.end, .ok)], complete: true),
    Row(name: "before the head", acts: [(.body(1), .wrongState), (.end, .wrongState), (.head(200), .ok)]),
    Row(
      name: "behind a whole answer",
      acts: [(.head(200, whole: 5), .ok), (.body(1), .wrongState), (.body(0), .wrongState), (.end, .wrongState)],
      complete: true),
    Row(
      name: "behind the end", acts: [(.head(200), .ok), (.end, .ok), (.body(1), .wrongState), (.end, .wrongState)],
      complete: true),
    Row(
      name: "given up",
      acts: [(.head(200), .ok), (.abandon, .ok), (.body(1), .wrongState), (.end, .wrongState), (.abandon, .ok)],
      complete: true),
    Row(
      name: "given up before the head",
      acts: [(.abandon, .ok), (.body(1), .wrongState), (.trailers(trailer), .wrongState)], complete: true),
  ])
  func bodies(_ row: Row) { play(row) }

  @Test func whetherTheBodyMayEnd() {
    func state(_ list: FieldList, traits: RequestTraits = [], status: UInt32 = 200) -> ResponseState {
      var state = ResponseState(
        version: .http11, traits: traits, hints: .init(allowed: false, maxPerRequest: 0, maxBytes: 0))
      _ = withFields(list) { head(of: &state, status: status, $0, whole: nil, trailersFollow: false) }
      return state
    }
    let fixed = state(["Content-Length": "5"])
    #expect(
      fixed.mayEnd(after: 5) && !fixed.mayEnd(after: 0) && !fixed.mayEnd(after: 4) && !fixed.mayEnd(after: 6)
        && !fixed.mayEnd(after: .max))
    let open = state([:])
    #expect(open.mayEnd(after: 0) && open.mayEnd(after: .max))
    let absent = state(["Content-Length": "5"], traits: .head)
    #expect(absent.mayEnd(after: 0) && absent.mayEnd(after: 7))
  }

  // MARK: Trailers

  @Test(arguments: [
    Row(
      name: "announced",
      acts: [(.head(200, trailers: true), .ok), (.body(3), .ok), (.end, .ok), (.trailers(trailer), .ok)], complete: true
    ),
    Row(name: "announced and due", acts: [(.head(200, trailers: true), .ok), (.end, .ok)]),
    Row(
      name: "announced and due, nothing else is",
      acts: [
        (.head(200, trailers: true), .ok), (.end, .ok), (.body(1), .wrongState), (.end, .wrongState),
        (.head(200), .wrongState), (.inform(103, link), .wrongState),
      ]),
    Row(
      name: "that end the body too",
      acts: [(.head(200, trailers: true), .ok), (.body(3), .ok), (.trailers(trailer), .ok)], complete: true),
    Row(
      name: "not announced, but in time", acts: [(.head(200), .ok), (.body(3), .ok), (.trailers(trailer), .ok)],
      complete: true),
    Row(
      name: "not announced, and too late", acts: [(.head(200), .ok), (.end, .ok), (.trailers(trailer), .wrongState)],
      complete: true),
    Row(name: "before the head", acts: [(.trailers(trailer), .wrongState)], hasHead: false),
    Row(
      name: "twice",
      acts: [(.head(200, trailers: true), .ok), (.trailers(trailer), .ok), (.trailers(trailer), .wrongState)],
      complete: true),
    Row(
      name: "behind a whole answer",
      acts: [(.head(200, whole: 5, trailers: true), .ok), (.trailers(trailer), .wrongState)], complete: true),
    Row(
      name: "nobody asked for",
      acts: [(.head(200, trailers: true), .ok), (.end, .ok), (.trailers(trailer, accepted: false), .skipped)],
      complete: true),
    Row(
      name: "to HTTP/1.0", version: .http10,
      acts: [(.head(200, trailers: true), .ok), (.end, .ok), (.trailers(trailer), .skipped)], complete: true),
    Row(
      name: "to HTTP/2", version: .http2,
      acts: [(.head(200, trailers: true), .ok), (.end, .ok), (.trailers(trailer), .ok)], complete: true),
    Row(
      name: "that are none", acts: [(.head(200, trailers: true), .ok), (.end, .ok), (.trailers([:]), .skipped)],
      complete: true),
    Row(
      name: "behind a body of known length",
      acts: [(.head(200, length, trailers: true), .ok), (.body(5), .ok), (.end, .ok), (.trailers(trailer), .skipped)],
      complete: true),
    Row(
      name: "malformed, then well",
      acts: [
        (.head(200, trailers: true), .ok), (.end, .ok), (.trailers(["X": "\n"]), .invalid),
        (.trailers(["Content-Length": "5"]), .invalid), (.trailers(["Host": "a"]), .invalid),
        (.trailers(["Transfer-Encoding": "chunked"]), .invalid), (.trailers(["Trailer": "X"]), .invalid),
        (.trailers(["X": "y", "Connection": "close"], accepted: false), .invalid),
        (.trailers(trailer), .ok),
      ], complete: true),
    Row(
      name: "malformed, in the body",
      acts: [(.head(200), .ok), (.trailers(["X": "\n"]), .invalid), (.body(1), .ok), (.end, .ok)], complete: true),
    Row(
      name: "given up",
      acts: [(.head(200, trailers: true), .ok), (.end, .ok), (.abandon, .ok), (.trailers(trailer), .wrongState)],
      complete: true),
  ])
  func trailers(_ row: Row) { play(row) }
}

/// A final head, judged and taken.
private func head(
  of state: inout ResponseState, status: UInt32, _ fields: Fields, whole: Int?, trailersFollow: Bool
) -> ResponseState.HeadOutcome {
  let outcome = state.judgeHead(status: status, fields: fields, whole: whole)
  if case .accepted(let verdict) = outcome {
    state.takeHead(status, verdict, whole: whole, trailersFollow: trailersFollow)
  }
  return outcome
}
