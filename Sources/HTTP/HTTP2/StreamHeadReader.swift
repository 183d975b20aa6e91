/// Makes a request's head of the fields of a header block (RFC 9113 section 8.3), by the rules that HTTP/1 heads have:
/// `FieldEffects`, `RequestTarget`, `Authority`, the same limits.
///
/// What frames the block and what makes it malformed as a block nghttp2 has judged: the order and number of
/// pseudo-fields, upper-case names, fields of the connection. Names and values are copied into memory of the reader's own,
/// which a plugin may look at until `reset`.
@safe
package struct StreamHeadReader: ~Copyable {
  /// Written here alone; not private, so that its address can be shown.
  package var head = RequestHead()
  /// The client has said how its answers are to share the connection (RFC 9218).
  package private(set) var hasPriority = false
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  /// Room for `limits.fields` fields and one more; the caller's.
  private let storage: UnsafeMutablePointer<Field>
  private var arena: FieldArena
  private var fieldCount = 0
  private var lineCount = 0
  private var bytes = 0
  private var seen = FieldEffects()
  private var host: Bytes?
  private var cookie: Int?
  private var refusal: Refusal?

  /// - Parameter storage: memory for `limits.fields` fields and one more that outlives the reader and the head it makes.
  package init(limits: RequestLimits, underscores: UnderscoreFields, storage: UnsafeMutablePointer<Field>) {
    self.limits = limits
    self.underscores = underscores
    unsafe self.storage = storage
    arena = FieldArena(most: 2 * limits.head)
    head.version = .http2
  }

  package mutating func reset() {
    head = RequestHead()
    head.version = .http2
    arena.reset()
    fieldCount = 0
    lineCount = 0
    bytes = 0
    seen = FieldEffects()
    host = nil
    cookie = nil
    hasPriority = false
    refusal = nil
  }

  // MARK: Fields

  /// Takes in one field of the block; a refusal is kept until the block's end, since the answer has to wait for that.
  package mutating func take(_ field: Field) {
    guard refusal == nil else { return }
    refusal = judge(field)
  }

  private mutating func judge(_ field: Field) -> Refusal? {
    // Both are below 2^17. What HTTP/1 needs around them counts likewise.
    bytes += field.name.count + field.value.count + 4
    if bytes > limits.head { return .headTooLarge }
    if !field.name.isEmpty && field.name[0] == ASCII.colon { return takePseudoField(field) }
    let isCrumb = cookie != nil && field.name.equalsIgnoringCase("cookie")
    if !isCrumb {
      lineCount += 1
      if lineCount > limits.fields { return .tooManyFields }
    }
    if field.name.count + field.value.count + 2 > limits.fieldSize { return .fieldTooLong }
    let known = KnownField(field.name)
    if known.belongsToConnection && known != .te { return .connectionField }
    if known == .other {
      if underscores != .pass && field.name.firstIndex(of: ASCII.underscore) != nil {
        return underscores == .refuse ? .underscoreInFieldName : nil
      }
      if isCrumb { return joinCookie(field.value) }
      if field.name.equalsIgnoringCase("priority") { hasPriority = true }
    }
    guard let copy = copied(field) else { return .headTooLarge }
    if known == .host { host = copy.value }
    if known != .other, let refusal = seen.note(known, copy.value, head: &head) { return refusal }
    if known == .other && field.name.equalsIgnoringCase("cookie") { cookie = fieldCount }
    store(copy)
    return nil
  }

  private mutating func takePseudoField(_ field: Field) -> Refusal? {
    if field.name.equalsIgnoringCase(":method") {
      guard field.value.count <= RequestHeadParser.longestMethod else { return .malformedMethod }
      guard let value = copied(field.value) else { return .headTooLarge }
      head.method = value
      if value.equals(Bytes("HEAD")) { head.traits.insert(.head) }
    } else if field.name.equalsIgnoringCase(":path") {
      guard field.value.count <= limits.requestLine else { return .requestLineTooLong }
      guard let value = copied(field.value) else { return .headTooLarge }
      head.target = value
    } else if field.name.equalsIgnoringCase(":authority") {
      guard Authority.isValid(field.value) else { return .malformedHost }
      guard let value = copied(field.value) else { return .headTooLarge }
      head.authority = value
    }
    return nil
  }

  /// Crumbs of a cookie become one field again (RFC 9113 section 8.2.3).
  private mutating func joinCookie(_ crumb: Bytes) -> Refusal? {
    guard let cookie else { return nil }
    let length = unsafe storage[cookie].value.count + 2 + crumb.count
    guard length + 8 <= limits.fieldSize else { return .fieldTooLong }
    guard makeRoom(length) else { return .headTooLarge }
    var field = unsafe storage[cookie]
    // Usually crumbs follow each other, and each just joins what stands at the end.
    let joined = arena.endsWith(field.value) ? field.value : arena.append(field.value)
    _ = arena.append(Bytes("; "))
    _ = arena.append(crumb)
    field = unsafe Field(name: field.name, value: Bytes(base: joined.base, count: length))
    unsafe storage[cookie] = field
    return nil
  }

  private mutating func store(_ field: Field) {
    unsafe (storage + fieldCount).initialize(to: field)  // lineCount, checked before, is never below it
    fieldCount += 1
  }

  // MARK: Memory

  private mutating func copied(_ field: Field) -> Field? {
    guard makeRoom(field.name.count + field.value.count) else { return nil }
    let name = arena.append(field.name)
    return Field(name: name, value: arena.append(field.value))
  }

  private mutating func copied(_ bytes: Bytes) -> Bytes? {
    makeRoom(bytes.count) ? arena.append(bytes) : nil
  }

  private mutating func makeRoom(_ bytes: Int) -> Bool {
    switch arena.makeRoom(bytes) {
    case .stays: return true
    case .none: return false
    case .moves(let distance):
      for index in 0..<fieldCount {
        let field = unsafe storage[index]
        unsafe storage[index] = Field(name: field.name.moved(by: distance), value: field.value.moved(by: distance))
      }
      head.method = head.method.moved(by: distance)
      head.target = head.target.moved(by: distance)
      head.authority = head.authority.moved(by: distance)
      host = host?.moved(by: distance)
      return true
    }
  }

  // MARK: The end

  /// The block is complete: the head stands in `head`, or the request is refused.
  ///
  /// - Parameter ends: no body follows.
  package mutating func finish(ends: Bool) -> Refusal? {
    if let refusal { return refusal }
    if let refusal = takeTarget() { return refusal }
    if let refusal = takeHost() { return refusal }
    if let refusal = seen.conclude(head: &head) { return refusal }
    if case .none = head.framing, !ends { head.framing = .chunked }
    head.fields = unsafe Fields(base: storage, count: fieldCount)
    return nil
  }

  private mutating func takeTarget() -> Refusal? {
    if head.method.equals(Bytes("CONNECT")) {
      head.target = head.authority
      return nil
    }
    guard let start = unsafe head.target.base, head.target.count > 0 else { return .malformedTarget }
    let extent = unsafe RequestTarget.Extent(start, start + head.target.count)
    // The origin form, or the asterisk: there is no absolute one (RFC 9113 section 8.3.1).
    guard extent.count == head.target.count, head.target[0] == ASCII.slash || head.target.count == 1,
      let parts = unsafe RequestTarget(start, extent, method: head.method)
    else { return .malformedTarget }
    head.path = parts.path
    head.query = parts.query
    return nil
  }

  /// `:authority` and Host say the same, and a plugin finds Host in either case (RFC 9113 section 8.3.1).
  private mutating func takeHost() -> Refusal? {
    if let host {
      if head.authority.isEmpty { head.authority = host }
      return host.equals(head.authority) ? nil : .conflictingHost
    }
    if head.authority.isEmpty { return nil }
    guard let field = copied(Field(name: Bytes("host"), value: head.authority)) else { return .headTooLarge }
    if let refusal = seen.note(.host, field.value, head: &head) { return refusal }
    for index in (0..<fieldCount).reversed() { unsafe storage[index + 1] = storage[index] }
    unsafe storage[0] = field
    fieldCount += 1
    return nil
  }
}
