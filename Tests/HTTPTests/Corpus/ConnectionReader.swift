import HTTP

/// Reads the requests of one connection from bytes that come in pieces, as a worker does.
///
/// The buffer holds zeros where nothing has come yet: a parser that looked there would find what no request may have.
@safe
struct ConnectionReader: ~Copyable {
  private enum Stage { case head, body, trailers }

  private(set) var reading = Reading()
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  private let capacity: Int
  private var buffer: UnsafeMutablePointer<UInt8>
  private var count = 0
  /// Where the part of a message begins that is read now.
  private var start = 0
  private var stage = Stage.head
  private let fields: UnsafeMutablePointer<Field>
  private var parser: RequestHeadParser
  private var decoder: BodyDecoder
  private var trailers: TrailerParser

  /// - Parameter capacity: how many bytes will come at most.
  init(capacity: Int, limits: RequestLimits, underscores: UnderscoreFields) {
    self.limits = limits
    self.underscores = underscores
    self.capacity = max(capacity, 1)
    unsafe buffer = ConnectionReader.zeros(self.capacity)
    unsafe fields = .allocate(capacity: 2 * limits.fields)
    parser = unsafe RequestHeadParser(limits: limits, underscores: underscores, storage: fields)
    decoder = BodyDecoder(.none, limits: limits)
    trailers = unsafe TrailerParser(limits: limits, underscores: underscores, storage: fields + limits.fields)
  }

  deinit {
    unsafe buffer.deallocate()
    unsafe fields.deallocate()
  }

  private static func zeros(_ capacity: Int) -> UnsafeMutablePointer<UInt8> {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    unsafe memory.initialize(repeating: 0, count: capacity)
    return unsafe memory
  }

  /// A piece of the bytes has come.
  mutating func feed(_ piece: ArraySlice<UInt8>) {
    for byte in piece {
      unsafe buffer[count] = byte
      count += 1
    }
    while case .waiting = reading.end, advance() {}
    if case .waiting = reading.end { reading.end = .waiting(midway: stage != .head || start < count) }
  }

  /// The buffer moves: what was read of a section is read again.
  mutating func move() {
    let other = unsafe ConnectionReader.zeros(capacity)
    unsafe other.update(from: buffer, count: count)
    unsafe buffer.initialize(repeating: 0, count: capacity)
    unsafe buffer.deallocate()
    unsafe buffer = unsafe other
    switch stage {
    case .head: parser.reset()
    case .body: break
    case .trailers: beginTrailers()
    }
  }

  /// True if there may be more to read in what has come.
  private mutating func advance() -> Bool {
    switch stage {
    case .head: readHead()
    case .body: readBody()
    case .trailers: readTrailers()
    }
  }

  private mutating func readHead() -> Bool {
    switch unsafe parser.parse(UnsafePointer(buffer + start), count: count - start) {
    case .incomplete: return false
    case .refused(let refusal): return refuse(refusal)
    case .complete(let length):
      start += length
      return begin(parser.head)
    }
  }

  /// What a worker decides by a head alone.
  private mutating func begin(_ head: RequestHead) -> Bool {
    if text(head.method) == "CONNECT" { return refuse(.unsupportedMethod) }
    if case .fixed(let length) = head.framing, length > limits.body { return refuse(.bodyTooLarge) }
    let path: String
    switch decodedPath(head.path) {
    case .success(let decoded): path = decoded
    case .failure(let fault): return refuse(fault.refusal)
    }
    reading.traits.append(head.traits)
    reading.framings.append(head.framing)
    reading.unfinished = ReadRequest(
      method: text(head.method), target: text(head.target),
      version: head.version == .http10 ? "HTTP/1.0" : "HTTP/1.1", path: path, query: text(head.query),
      authority: text(head.authority), headers: pairs(head.fields), body: "", trailers: [])
    decoder = BodyDecoder(head.framing, limits: limits)
    stage = .body
    return true
  }

  private mutating func readBody() -> Bool {
    switch unsafe decoder.decode(UnsafePointer(buffer + start), count: count - start) {
    case .needInput(let consumed):
      start += consumed
      return false
    case .bytes(let offset, let length):
      reading.unfinished?.body += unsafe text(Bytes(base: buffer + start + offset, count: length))
      start += offset + length
      return true
    case .end(let consumed, let trailers):
      start += consumed
      if trailers {
        stage = .trailers
        beginTrailers()
      } else {
        finish()
      }
      return true
    case .refused(let refusal): return refuse(refusal)
    }
  }

  private mutating func beginTrailers() {
    trailers = unsafe TrailerParser(limits: limits, underscores: underscores, storage: fields + limits.fields)
  }

  private mutating func readTrailers() -> Bool {
    switch unsafe trailers.parse(UnsafePointer(buffer + start), count: count - start) {
    case .incomplete: return false
    case .refused(let refusal): return refuse(refusal)
    case .complete(let length):
      start += length
      reading.unfinished?.trailers = pairs(trailers.fields)
      finish()
      return true
    }
  }

  private mutating func finish() {
    if let request = reading.unfinished { reading.requests.append(request) }
    reading.unfinished = nil
    if !parser.head.traits.contains(.keepAlive) { reading.end = .closed }
    parser.reset()
    stage = .head
  }

  private mutating func refuse(_ refusal: Refusal) -> Bool {
    reading.end = .refused(refusal)
    return false
  }
}

/// The path that a mount is matched with.
private func decodedPath(_ path: Bytes) -> Result<String, PathError> {
  if PathDecoding.isPlain(path) { return .success(text(path)) }
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: path.count)
  defer { unsafe room.deallocate() }
  do throws(PathError) {
    return unsafe .success(text(Bytes(base: room, count: try PathDecoding.decode(path, into: room))))
  } catch {
    return .failure(error)
  }
}

private func pairs(_ fields: Fields) -> [[String]] {
  (0..<fields.count).map { [text(fields[$0].name), text(fields[$0].value)] }
}
