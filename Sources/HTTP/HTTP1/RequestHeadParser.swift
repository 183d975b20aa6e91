/// Parses the head of an HTTP/1 request (RFC 9112 sections 2 to 6), strictly, from a buffer that grows.
///
/// The principle: a head is a sequence of lines, each parsed once, when it is complete; only an incomplete line is
/// scanned again. The result does not depend on how the bytes are split, and the parser's state is little more than the
/// start of the next line. Names and values are views of the buffer: if the buffer moves, `reset` and parse again from
/// the start. A refusal is final until `reset`.
@safe
package struct RequestHeadParser {
  package enum Progress {
    case incomplete
    /// The head has `length` bytes; the body or the next request follows.
    case complete(length: Int)
    case refused(Refusal)
  }

  package static let longestMethod = 20

  /// Written only here; not private, so that its address can be taken.
  package var head = RequestHead()
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  /// Memory for `limits.fields` fields, owned by the caller.
  private let storage: UnsafeMutablePointer<Field>
  private var fieldCount = 0
  /// The number of lines that were parsed and dropped.
  private var droppedCount = 0
  private var lineStart = 0
  private var stage = Stage.start
  private var seen = FramingFields()
  /// Why the head is refused, if it is.
  private var refusal: Refusal?

  private enum Stage { case start, requestLine, fields, done, refused }

  /// - Parameter storage: memory for `limits.fields` fields that outlives the parser and the head it makes.
  package init(limits: RequestLimits, underscores: UnderscoreFields, storage: UnsafeMutablePointer<Field>) {
    self.limits = limits
    self.underscores = underscores
    unsafe self.storage = storage
  }

  /// Resets the parser, for the next request or after the buffer has moved.
  package mutating func reset() {
    head = RequestHead()
    fieldCount = 0
    droppedCount = 0
    lineStart = 0
    stage = .start
    seen = FramingFields()
    refusal = nil
  }

  /// Whether a byte of the request itself has arrived, so that the head's deadline applies and not that of keep-alive.
  package var hasBegun: Bool { stage != .start }

  /// Continues to parse. `base` is the start of the buffer, of which `count` bytes have arrived. Each call passes the
  /// same buffer, or a longer one with the same beginning.
  package mutating func parse(_ base: UnsafePointer<UInt8>, count: Int) -> Progress {
    // A valid head ends within its limit: bytes beyond it are not read.
    let end = min(count, limits.head)
    var progress = LineProgress.advanced
    if stage == .start { progress = unsafe leadingLine(base, end) }
    if case .advanced = progress, stage == .requestLine { progress = unsafe requestLine(base, end) }
    while case .advanced = progress, stage == .fields { progress = unsafe fieldLines(base, end) }
    switch progress {
    case .advanced:
      // Nothing is parsed after the end of the head or a refusal.
      if let refusal { return .refused(refusal) }
      return .complete(length: lineStart)
    case .refused(let refusal): return refuse(refusal)
    case .incomplete: return count >= limits.head ? refuse(tooLarge) : .incomplete
    }
  }

  @inline(never)
  private mutating func refuse(_ refusal: Refusal) -> Progress {
    self.refusal = refusal
    stage = .refused
    return .refused(refusal)
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
    // The CR may follow directly after the longest line.
    let bound = min(end, start &+ limits.requestLine)
    func ranOut(_ index: Int) -> LineProgress { index < end ? .refused(.requestLineTooLong) : .incomplete }

    var index = start
    while index < bound, unsafe ASCII.isToken(base[index]) {
      index &+= 1
      if index &- start > RequestHeadParser.longestMethod { return .refused(.methodTooLong) }
    }
    guard index < bound else { return ranOut(index) }
    guard index > start, unsafe base[index] == ASCII.space else { return .refused(.malformedMethod) }
    let method = unsafe Bytes(base: base + start, count: index &- start)

    let targetStart = index &+ 1
    guard targetStart < bound else { return ranOut(bound) }
    let targetBase = unsafe base + targetStart
    let extent = unsafe RequestTarget.Extent(targetBase, base + bound)
    let targetEnd = targetStart &+ extent.count
    guard targetEnd < bound else { return ranOut(bound) }
    guard extent.count > 0 else { return .refused(.malformedTarget) }
    guard unsafe base[targetEnd] == ASCII.space else {
      // "GET /" without a version is HTTP/0.9.
      return .refused(unsafe base[targetEnd] == ASCII.cr ? .malformedRequestLine : .malformedTarget)
    }
    let versionStart = targetEnd &+ 1
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
    guard let target = unsafe RequestTarget(targetBase, extent, method: method) else {
      return .refused(.malformedTarget)
    }
    head.method = method
    unsafe head.target = Bytes(base: targetBase, count: extent.count)
    head.path = target.path
    head.query = target.query
    head.authority = target.authority
    if method.count == 4 && method.equals(Bytes("HEAD")) { head.traits.insert(.head) }
    lineStart = lineEnd &+ 2
    stage = .fields
    return .advanced
  }

  private enum VersionResult {
    case success(HTTPVersion)
    case failure(Refusal)
  }

  private static var newestVersion: StaticString { "HTTP/1.1" }

  /// `HTTP/` and two digits with a dot between them; nil if the bytes are incomplete.
  @inline(__always)
  private func version(_ base: UnsafePointer<UInt8>, from start: Int, bound: Int) -> VersionResult? {
    if start &+ 8 <= bound,
      unsafe UnsafeRawPointer(base + start).loadUnaligned(as: UInt64.self)
        == UnsafeRawPointer(RequestHeadParser.newestVersion.utf8Start).loadUnaligned(as: UInt64.self)
    {
      return .success(.http11)
    }
    return unsafe otherVersion(base, from: start, bound: bound)
  }

  /// The same for versions other than the usual. A later minor version is served as the highest supported one (RFC 9110
  /// section 2.5).
  @inline(never)
  private func otherVersion(_ base: UnsafePointer<UInt8>, from start: Int, bound: Int) -> VersionResult? {
    let shape = RequestHeadParser.newestVersion
    for offset in 0..<8 {
      guard start &+ offset < bound else { return nil }
      let byte = unsafe base[start &+ offset]
      let fits = offset == 5 || offset == 7 ? ASCII.isDigit(byte) : unsafe byte == shape.utf8Start[offset]
      guard fits else { return .failure(.malformedRequestLine) }
    }
    guard unsafe base[start &+ 5] == 0x31 else { return .failure(.unsupportedVersion) }
    return .success(unsafe base[start &+ 7] == 0x30 ? .http10 : .http11)
  }

  // MARK: Fields

  /// Parses all complete lines of the usual kind, and one more.
  private mutating func fieldLines(_ base: UnsafePointer<UInt8>, _ end: Int) -> LineProgress {
    // The end of the head may follow a field whose name may be known, and is not a field line.
    while unsafe lineStart < end && base[lineStart] != ASCII.cr, let field = unsafe plainFields(base, end) {
      if let refusal = note(KnownField(exactly: field.name), field) { return .refused(refusal) }
      store(field)
    }
    switch unsafe FieldLineScanner.unusualLine(base, from: lineStart, to: end, limit: limits.fieldSize) {
    case .incomplete: return .incomplete
    case .refused(let refusal): return .refused(refusal)
    case .endOfSection(let next):
      lineStart = next
      return finishHead()
    case .field(let field, let underscored, let next):
      lineStart = next
      guard fieldCount < limits.fields &- droppedCount else { return .refused(.tooManyFields) }
      if underscored && underscores != .pass {
        if underscores == .refuse { return .refused(.underscoreInFieldName) }
        droppedCount &+= 1
        return .advanced
      }
      if let refusal = noteUnusual(field) { return .refused(refusal) }
      store(field)
      return .advanced
    }
  }

  /// Stores the fields of the following usual lines, up to one whose name may be known. Returns that field, not stored
  /// yet, or nil before an unusual line or one too many.
  ///
  /// Makes no calls between lines, so that all state stays in registers.
  @inline(__always)
  private mutating func plainFields(_ base: UnsafePointer<UInt8>, _ end: Int) -> Field? {
    // A line that ends within this range is not too long.
    let end = unsafe base + min(end, lineStart &+ limits.fieldSize)
    var start = unsafe base + lineStart
    // There is storage for `limits.fields`.
    var slot = unsafe storage + fieldCount
    let lastSlot = unsafe storage + (limits.fields &- droppedCount)
    defer {
      lineStart = unsafe start - base
      fieldCount = unsafe slot - storage
    }
    while unsafe slot < lastSlot, let (field, next) = unsafe FieldLineScanner.usualLine(start, end) {
      unsafe start = next
      if KnownField.mayBe(field.name) { return field }
      unsafe slot.initialize(to: field)
      unsafe slot += 1
    }
    return nil
  }

  /// The same for a field of an unusual line.
  @inline(never)
  private mutating func noteUnusual(_ field: Field) -> Refusal? { note(KnownField(field.name), field) }

  @inline(__always)
  private mutating func note(_ known: KnownField, _ field: Field) -> Refusal? {
    if known == .other { return nil }
    // The authority of an absolute target takes precedence over Host (RFC 9112 section 3.2.2).
    if known == .host && head.authority.isEmpty { head.authority = field.value }
    return seen.note(known, field.value, head: &head)
  }

  @inline(__always)
  private mutating func store(_ field: Field) {
    unsafe (storage + fieldCount).initialize(to: field)  // there are as many as `limits.fields`
    fieldCount &+= 1
  }

  private mutating func finishHead() -> LineProgress {
    if let refusal = seen.conclude(head: &head) { return .refused(refusal) }
    head.fields = unsafe Fields(base: storage, count: fieldCount)
    stage = .done
    return .advanced
  }
}
