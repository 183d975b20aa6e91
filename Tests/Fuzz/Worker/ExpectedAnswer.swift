import HTTP

/// What is to come of a request.
enum ExpectedAnswer {
  /// Nothing, as far as the client has sent it.
  case none
  /// The connection ends without an answer.
  case cut
  /// The server's own page.
  case page(UInt32)
  case whole(UInt32, [UInt8], trailers: [CopiedField])
  /// A beginning of these bytes, and then the connection ends, or waits for more of the request.
  case partial([UInt8])

  /// - Returns: each of those that may come.
  static func of(_ request: SentRequest) -> [ExpectedAnswer] {
    request.isBlocking ? ofBlocking(request) : ofEvents(request)
  }

  private static func short(_ request: SentRequest) -> ExpectedAnswer {
    .whole(200, Content.of(request.target, Content.shortLength(request.target)), trailers: [])
  }

  private static func long(_ request: SentRequest, _ count: Int) -> ExpectedAnswer {
    .whole(200, Content.of(request.target, count), trailers: [])
  }

  private static func ofEvents(_ request: SentRequest) -> [ExpectedAnswer] {
    func all() -> [UInt8] { Content.of(request.target, Content.piece * Content.pieces) }
    let length = Content.piece * Content.pieces
    switch request.letter {
    case UInt8(ascii: "e"): return byEnd(request, .whole(200, request.body, trailers: []), waiting: .none)
    case UInt8(ascii: "s"):
      let carries = request.traits.contains(.acceptsTrailers) && request.version != .http10 && !request.isHead
      return byEnd(
        request, .whole(200, request.body, trailers: carries ? request.trailers : []), waiting: .partial(request.body),
        refused: .partial(request.body))
    case UInt8(ascii: "p"):
      return byEnd(
        request, short(request), waiting: request.body.isEmpty ? .none : short(request),
        refused: request.body.isEmpty ? nil : short(request))
    case UInt8(ascii: "d"):
      return byEnd(
        request, long(request, length), waiting: request.body.isEmpty ? .none : .partial(all()),
        refused: request.body.isEmpty ? nil : .partial(all()))
    case UInt8(ascii: "w"): return [long(request, length)]
    case UInt8(ascii: "a"): return [.cut]
    case UInt8(ascii: "k"), UInt8(ascii: "y"): return [.partial(Content.of(request.target, 100))]
    case UInt8(ascii: "q"): return [.partial(Content.of(request.target, 1 << 21))]
    case UInt8(ascii: "x"): return [.page(500)]
    case UInt8(ascii: "b"): return [long(request, Content.big)]
    case UInt8(ascii: "z"): return [.whole(204, [], trailers: [])]
    case UInt8(ascii: "n"): return [.none]
    default: return [short(request)]
    }
  }

  private static func ofBlocking(_ request: SentRequest) -> [ExpectedAnswer] {
    func all() -> [UInt8] { Content.of(request.target, Content.piece * Content.pieces) }
    let length = Content.piece * Content.pieces
    switch request.letter {
    case UInt8(ascii: "e"): return byEnd(request, .whole(200, request.body, trailers: []), waiting: .none)
    case UInt8(ascii: "i"): return byEnd(request, short(request), waiting: .none, refused: short(request))
    case UInt8(ascii: "p"):
      // Whether the refusal or the bytes before it are met first is a matter of time.
      var answers = byEnd(
        request, short(request), waiting: request.body.isEmpty ? .none : short(request),
        refused: request.body.isEmpty ? nil : short(request))
      if case .refused(let refusal) = request.end { answers.append(.page(refusal.status)) }
      return answers
    case UInt8(ascii: "b"): return [long(request, Content.big)]
    case UInt8(ascii: "s"): return [long(request, length)]
    case UInt8(ascii: "k"): return [.partial(all())]
    case UInt8(ascii: "x"), UInt8(ascii: "o"):
      if case .refused(let refusal) = request.end { return [.page(500), .page(refusal.status)] }
      return [.page(500)]
    default: return [short(request)]
    }
  }

  private static func byEnd(
    _ request: SentRequest, _ complete: ExpectedAnswer, waiting: ExpectedAnswer, refused: ExpectedAnswer? = nil
  ) -> [ExpectedAnswer] {
    switch request.end {
    case .complete: [complete]
    case .waiting: [waiting]
    case .refused(let refusal): [refused ?? .page(refusal.status)]
    }
  }
}
