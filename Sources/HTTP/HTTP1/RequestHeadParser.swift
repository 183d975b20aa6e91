/// Reads the head of an HTTP/1 request (RFC 9112 sections 2 to 6), strictly, from a buffer that grows.
///
/// The principle: a head is a sequence of lines, each judged once, when it is complete; only a line that still grows is
/// looked at again. So bytes may come in any split with the same result, and the parser keeps no more than where
/// the next line starts. Names and values are views into the buffer: if the buffer moves, `reset` and parse
/// again from the start.
@safe
package struct RequestHeadParser {
  package enum Progress {
    case incomplete
    /// The head is `length` bytes long; what follows it is body, or the next request.
    case complete(length: Int)
    case refused(Refusal)
  }

  package private(set) var head = RequestHead()
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  /// Room for `limits.fields` fields; the caller's.
  private let storage: UnsafeMutablePointer<Field>
  private var fieldCount = 0
  private var lineCount = 0
  private var lineStart = 0
  private var stage = Stage.start
  private var seen = FieldEffects()

  private enum Stage { case start, requestLine, fields, done }

  /// - Parameter storage: memory for `limits.fields` fields that outlives the parser and the head it makes.
  package init(limits: RequestLimits, underscores: UnderscoreFields, storage: UnsafeMutablePointer<Field>) {
    self.limits = limits
    self.underscores = underscores
    unsafe self.storage = storage
  }

  /// Forgets what was read, for the next request or after the buffer has moved.
  package mutating func reset() {
    head = RequestHead()
    fieldCount = 0
    lineCount = 0
    lineStart = 0
    stage = .start
    seen = FieldEffects()
  }

  /// Whether a byte of the request itself has been seen, so that the head deadline applies and not the keep-alive's.
  package var hasBegun: Bool { stage != .start }

  /// Reads on. `base` is the start of the buffer, of which `count` bytes have come; in each call the same buffer,
  /// or a longer one with the same beginning.
  package mutating func parse(_ base: UnsafePointer<UInt8>, count: Int) -> Progress {
    // A head within its limit ends by then, so that nothing beyond is looked at.
    let end = min(count, limits.head)
    while true {
      let progress: LineProgress
      switch stage {
      case .start: progress = unsafe leadingLine(base, end)
      case .requestLine: progress = unsafe requestLine(base, end)
      case .fields: progress = unsafe fieldLines(base, end)
      case .done: return .complete(length: lineStart)
      }
      switch progress {
      case .advanced: continue
      case .refused(let refusal): return .refused(refusal)
      case .incomplete: return count >= limits.head ? .refused(tooLarge) : .incomplete
      }
    }
  }

  private var tooLarge: Refusal { stage == .fields ? .headTooLarge : .requestLineTooLong }

  private enum LineProgress {
    case advanced, incomplete
    case refused(Refusal)
  }

  /// One empty line before the request line is tolerated (RFC 9112 section 2.2).
  private mutating func leadingLine(_ base: UnsafePointer<UInt8>, _ end: Int) -> LineProgress {
    guard end > 0 else { return .incomplete }
    if unsafe base[0] == ASCII.cr {
      guard end > 1 else { return .incomplete }
      guard unsafe base[1] == ASCII.lf else { return .refused(.malformedRequestLine) }
      guard end > 2 else { return .incomplete }
      lineStart = 2
    }
    stage = .requestLine
    return .advanced
  }

  // MARK: Request line

  /// `method SP request-target SP HTTP-version CRLF`.
  private mutating func requestLine(_ base: UnsafePointer<UInt8>, _ end: Int) -> LineProgress {
    let start = lineStart
    // The CR may stand right behind the longest line.
    let bound = min(end, start &+ limits.requestLine)
    func ranOut(_ index: Int) -> LineProgress { index < end ? .refused(.requestLineTooLong) : .incomplete }

    var index = start
    while index < bound, unsafe ASCII.isToken(base[index]) {
      index &+= 1
      if index &- start > 20 { return .refused(.malformedMethod) }
    }
    guard index < bound else { return ranOut(index) }
    guard index > start, unsafe base[index] == ASCII.space else { return .refused(.malformedMethod) }
    let method = unsafe Bytes(base: base + start, count: index &- start)

    let targetStart = index &+ 1
    index = unsafe ByteScan.firstInvisible(base, from: targetStart, to: bound)
    guard index < bound else { return ranOut(index) }
    guard index > targetStart else { return .refused(.malformedTarget) }
    guard unsafe base[index] == ASCII.space else {
      // "GET /" and no version is HTTP/0.9.
      return .refused(unsafe base[index] == ASCII.cr ? .malformedRequestLine : .malformedTarget)
    }
    let target = unsafe Bytes(base: base + targetStart, count: index &- targetStart)

    let versionStart = index &+ 1
    switch unsafe version(base, from: versionStart, bound: bound) {
    case .none: return ranOut(bound)
    case .some(.failure(let refusal)): return .refused(refusal)
    case .some(.success(let version)): head.version = version
    }
    let lineEnd = versionStart &+ 8
    guard lineEnd &+ 1 < end else {
      if lineEnd < end, unsafe base[lineEnd] != ASCII.cr { return .refused(.malformedRequestLine) }
      return .incomplete
    }
    guard unsafe base[lineEnd] == ASCII.cr && base[lineEnd &+ 1] == ASCII.lf else {
      return .refused(.malformedRequestLine)
    }
    return finishRequestLine(method: method, target: target, next: lineEnd &+ 2)
  }

  private enum VersionResult {
    case success(HTTPVersion)
    case failure(Refusal)
  }

  /// `HTTP/` and two digits with a dot between; nil if the bytes end first.
  private func version(_ base: UnsafePointer<UInt8>, from start: Int, bound: Int) -> VersionResult? {
    let shape: StaticString = "HTTP/1.1"
    for offset in 0..<8 {
      guard start &+ offset < bound else { return nil }
      let byte = unsafe base[start &+ offset]
      let fits = offset == 5 || offset == 7 ? ASCII.isDigit(byte) : unsafe byte == shape.utf8Start[offset]
      guard fits else { return .failure(.malformedRequestLine) }
    }
    switch unsafe (base[start &+ 5], base[start &+ 7]) {
    case (0x31, 0x31): return .success(.http11)
    case (0x31, 0x30): return .success(.http10)
    default: return .failure(.unsupportedVersion)
    }
  }

  private mutating func finishRequestLine(method: Bytes, target: Bytes, next: Int) -> LineProgress {
    guard let parts = RequestTarget(target, method: method) else { return .refused(.malformedTarget) }
    head.method = method
    head.target = target
    head.path = parts.path
    head.query = parts.query
    head.authority = parts.authority
    if method.count == 4 && method.equals(Bytes("HEAD")) { head.traits.insert(.head) }
    lineStart = next
    stage = .fields
    return .advanced
  }

  // MARK: Fields

  /// All lines that are complete. What changes from line to line is kept in locals, and put back at the end.
  private mutating func fieldLines(_ base: UnsafePointer<UInt8>, _ end: Int) -> LineProgress {
    var start = lineStart
    var stored = fieldCount
    var lines = lineCount
    let (limit, most) = (limits.fieldSize, limits.fields)
    let storage = unsafe storage
    defer {
      lineStart = start
      fieldCount = stored
      lineCount = lines
    }
    while true {
      switch unsafe FieldLineScanner.line(base, from: start, to: end, limit: limit) {
      case .incomplete: return .incomplete
      case .refused(let refusal): return .refused(refusal)
      case .endOfSection(let next):
        start = next
        fieldCount = stored
        return finishHead()
      case .field(let field, let underscored, let next):
        start = next
        lines &+= 1
        guard lines <= most else { return .refused(.tooManyFields) }
        let known = KnownField(field.name)
        if known != .other {
          if let refusal = seen.note(known, field.value, head: &head) { return .refused(refusal) }
        } else if underscored && underscores != .pass {
          if underscores == .refuse { return .refused(.underscoreInFieldName) }
          continue
        }
        unsafe (storage + stored).initialize(to: field)  // lines, checked above, is never below it
        stored &+= 1
      }
    }
  }

  private mutating func finishHead() -> LineProgress {
    if let refusal = seen.conclude(head: &head) { return .refused(refusal) }
    head.fields = unsafe Fields(base: storage, count: fieldCount)
    stage = .done
    return .advanced
  }
}
