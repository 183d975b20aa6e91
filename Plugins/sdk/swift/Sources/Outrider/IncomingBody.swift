import COutriderPlugin

/// The body of a request, as it comes to an `AsyncRequest`: one piece at a time, when it is wanted.
struct IncomingBody: ~Copyable {
  /// Where a task waits for a piece, once one has.
  var waiter: Waiter?
  /// A piece that has come.
  private var piece: [UInt8]?
  /// Whether a piece is allowed, and has not come.
  private var isRequested = false
  private var hasEnded = false
  private(set) var trailers: [(name: String, value: String)] = []

  mutating func receive(_ bytes: Bytes, isLast: Bool) {
    isRequested = false
    hasEnded = isLast
    if !bytes.isEmpty { piece = Array(bytes) }
    waiter?.resume()
  }

  mutating func receive(_ fields: ReceivedFields) {
    for index in fields.indices {
      let field = fields[index]
      trailers.append((name: String(field.name), value: String(field.value)))
    }
  }

  /// What there is for a task that wants a piece.
  enum Next {
    case piece([UInt8])
    case end
    /// It is to be allowed.
    case request
    /// It is allowed, and will come.
    case wait
  }

  mutating func take() -> Next {
    if let piece {
      self.piece = nil
      return .piece(piece)
    }
    if hasEnded { return .end }
    defer { isRequested = true }
    return isRequested ? .wait : .request
  }
}

extension AsyncRequest {
  /// The body of the request, in the pieces in which it comes. It can be read once. The first piece that is wanted sends 100
  /// (Continue) if the client waits for it, and no more is read from the client than is wanted.
  public nonisolated var body: Body { Body(request: self) }

  /// A sequence of pieces, none of which is empty.
  public struct Body: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    let request: AsyncRequest

    public func makeAsyncIterator() -> Iterator { Iterator(request: request) }

    public struct Iterator: AsyncIteratorProtocol {
      let request: AsyncRequest

      public mutating func next() async throws -> [UInt8]? { try await request.nextPiece() }
      public mutating func next(isolation: isolated (any Actor)?) async throws -> [UInt8]? {
        try await request.nextPiece()
      }
    }
  }

  /// Reads the whole body. Throws `.limit` if it has more than `limit` bytes.
  public func readBody(limit: Int) async throws -> [UInt8] {
    var whole: [UInt8] = []
    while let piece = try await nextPiece() {
      guard piece.count <= limit - whole.count else { throw OutriderError(.limit, in: "readBody") }
      if whole.isEmpty { whole = piece } else { whole.append(contentsOf: piece) }
    }
    return whole
  }

  /// The trailer fields of the request; none before the end of the body.
  public var trailers: [(name: String, value: String)] { unsafe state.body.trailers }

  private func nextPiece() async throws -> [UInt8]? {
    while true {
      switch unsafe state.body.take() {
      case .piece(let piece): return piece
      case .end: return nil
      case .request: try exchange.receive()
      case .wait:
        try check("body")
        let waiter = unsafe state.body.waiter ?? Waiter()
        unsafe state.body.waiter = waiter
        await waiter.waitOrCancel()
        try check("body")
      }
    }
  }

  /// Throws if the exchange is over or the task is cancelled, so that there is nothing to wait for.
  func check(_ call: StaticString) throws {
    if let end = unsafe state.end { throw OutriderError(end, in: call) }
    try Task.checkCancellation()
  }
}
