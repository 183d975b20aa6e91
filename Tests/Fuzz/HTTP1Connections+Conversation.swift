import HTTP

/// A request as the bytes of a connection have it.
struct SentRequest {
  enum End: Equatable {
    case complete
    /// More of it is to come.
    case waiting
    case refused(Refusal)
  }

  let method: [UInt8]
  let target: [UInt8]
  /// Decoded.
  let path: [UInt8]
  let query: [UInt8]
  let authority: [UInt8]
  let fields: [CopiedField]
  let version: HTTPVersion
  let traits: RequestTraits
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  var end = End.waiting

  var isBlocking: Bool { path.starts(with: Array("/b".utf8)) && (path.count == 2 || path[2] == UInt8(ascii: "/")) }

  /// The path below the mount.
  var ownPath: [UInt8] {
    guard isBlocking else { return path }
    return path.count == 2 ? [UInt8(ascii: "/")] : Array(path.dropFirst(2))
  }

  var letter: UInt8 { ownPath.count > 1 ? ownPath[1] : 0 }
  var isHead: Bool { traits.contains(.head) }
}

/// The sequence of requests that bytes are, and how it ends: read from memory that never moves, all bytes at once, each
/// request by readers of its own, and after a refusal nothing at all.
struct Conversation {
  enum End {
    /// Nothing of another request is there.
    case idle
    case withinHead
    /// The last request has no complete body, or the client has said that it is the last.
    case afterLast
    /// A request that no plugin sees; `isHead`: its answer has no body.
    case refused(Refusal, isHead: Bool)
  }

  private(set) var requests: [SentRequest] = []
  private(set) var end = End.idle

  init(_ bytes: [UInt8]) {
    bytes.withView { view in
      let memory = ArrivingBytes(all: view)
      var start = 0
      while let next = readRequest(memory.bytes.dropFirst(start)) { start += next }
    }
  }

  /// Reads a request; how long it is, if another may follow.
  private mutating func readRequest(_ bytes: Bytes) -> Int? {
    guard let base = unsafe bytes.base, !bytes.isEmpty else { return nil }
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: Limits.all.fields)
    defer { unsafe storage.deallocate() }
    var parser = unsafe RequestHeadParser(limits: Limits.all, underscores: .drop, storage: storage)
    switch unsafe parser.parse(base, count: bytes.count) {
    case .incomplete:
      end = parser.hasBegun ? .withinHead : .idle
      return nil
    case .refused(let refusal):
      end = .refused(refusal, isHead: parser.head.traits.contains(.head))
      return nil
    case .complete(let length):
      var request: SentRequest
      switch Conversation.judge(parser.head) {
      case .failure(let fault):
        end = .refused(fault.refusal, isHead: parser.head.traits.contains(.head))
        return nil
      case .success(let accepted): request = accepted
      }
      let rest = bytes.dropFirst(length)
      let bodyLength = Conversation.readBody(rest, parser.head.framing, &request)
      requests.append(request)
      guard let bodyLength, request.traits.contains(.keepAlive) else {
        end = .afterLast
        return nil
      }
      return length + bodyLength
    }
  }

  private struct HeadFault: Error { let refusal: Refusal }

  /// What a head decides by itself.
  private static func judge(_ head: RequestHead) -> Result<SentRequest, HeadFault> {
    if head.method.equals(Bytes("CONNECT")) { return .failure(HeadFault(refusal: .unsupportedMethod)) }
    if case .fixed(let length) = head.framing, length > Limits.all.body {
      return .failure(HeadFault(refusal: .bodyTooLarge))
    }
    var path = [UInt8](repeating: 0, count: head.path.count)
    do throws(PathFault) {
      let room = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, head.path.count))
      defer { unsafe room.deallocate() }
      let count = unsafe try PathDecoding.decode(head.path, into: room)
      path = unsafe Array(UnsafeBufferPointer(start: room, count: count))
    } catch {
      return .failure(HeadFault(refusal: error.refusal))
    }
    return .success(
      SentRequest(
        method: Array(head.method), target: Array(head.target), path: path, query: Array(head.query),
        authority: Array(head.authority), fields: CopiedField.all(head.fields), version: head.version,
        traits: head.traits))
  }

  /// Reads a body and its trailers; how long they are, if they are complete.
  private static func readBody(_ bytes: Bytes, _ framing: BodyFraming, _ request: inout SentRequest) -> Int? {
    var decoder = BodyDecoder(framing, limits: Limits.all)
    var start = 0
    // A place to look at, where there are no bytes.
    let none: [UInt8] = [0]
    return none.withView { nowhere in
      while true {
        let rest = bytes.dropFirst(start)
        guard let base = unsafe rest.base ?? nowhere.base else { return nil }
        switch unsafe decoder.decode(base, count: rest.count) {
        case .needInput: return nil
        case .bytes(let offset, let length):
          request.body.append(rest.slice(offset, offset + length))
          start += offset + length
        case .refused(let refusal):
          request.end = .refused(refusal)
          return nil
        case .end(let consumed, let trailers):
          start += consumed
          guard trailers else {
            request.end = .complete
            return start
          }
          return readTrailers(bytes.dropFirst(start), &request).map { start + $0 }
        }
      }
    }
  }

  private static func readTrailers(_ bytes: Bytes, _ request: inout SentRequest) -> Int? {
    guard let base = unsafe bytes.base else { return nil }
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: Limits.all.fields)
    defer { unsafe storage.deallocate() }
    var parser = unsafe TrailerParser(limits: Limits.all, underscores: .drop, storage: storage)
    switch unsafe parser.parse(base, count: bytes.count) {
    case .incomplete: return nil
    case .refused(let refusal):
      request.end = .refused(refusal)
      return nil
    case .complete(let length):
      request.trailers = CopiedField.all(parser.fields)
      request.end = .complete
      return length
    }
  }
}

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
      let carries = request.traits.contains(.acceptsTrailers) && request.version == .http11 && !request.isHead
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

extension SentRequest {
  /// Whether its plugin reads all of the body before it answers.
  var isReadWhole: Bool { Array((isBlocking ? "ei" : "esd").utf8).contains(letter) }

  /// Whether the connection may end after the answer though nothing was wrong: what nobody has read is too much to be
  /// read away, or may never come.
  var mayEndConnection: Bool {
    !isReadWhole && (traits.contains(.expectsContinue) || body.count > Limits.drain || end == .waiting)
  }
}
