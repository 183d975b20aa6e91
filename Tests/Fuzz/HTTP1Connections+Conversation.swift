import HTTP

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
    do throws(PathError) {
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

extension SentRequest {
  /// Whether the answer may say that the connection ends though nothing was wrong: leave to send the body was not given, so
  /// that what follows may be either, or what nobody has read is too much to be read away, or may be.
  var mayEndConnection: Bool {
    let isChunked = fields.contains { $0.isNamed("transfer-encoding") }
    return traits.contains(.expectsContinue)
      || !isReadWhole && (isChunked || body.count > Limits.drain || end == .waiting)
  }
}
