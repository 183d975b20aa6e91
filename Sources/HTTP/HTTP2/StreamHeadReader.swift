/// Makes a request's head of the fields of a header block (RFC 9113 section 8.3), by the rules that HTTP/1 heads have:
/// `FieldEffects`, `RequestTarget`, `Authority`, the same limits.
///
/// What frames the block and what makes it malformed as a block nghttp2 has judged: the order and number of
/// pseudo-fields, upper-case names, fields of the connection. Names and values are copied into memory of the reader's own;
/// there are no views of it before `finish`, and those that it makes then are valid until `reset`.
@safe
package struct StreamHeadReader: ~Copyable {
  /// Complete, or refused as far as it was read, after `finish`; empty before. Written here alone; not private, so that
  /// its address can be shown.
  package var head = RequestHead()
  /// The client has said how its answers are to share the connection (RFC 9218).
  package private(set) var hasPriority = false
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  /// Room for `limits.fields` fields and one more; the caller's.
  private let storage: UnsafeMutablePointer<Field>
  private var section: FieldSectionBuilder
  private var method: FieldSectionBuilder.Run?
  private var target: FieldSectionBuilder.Run?
  private var authority: FieldSectionBuilder.Run?
  private var lineCount = 0
  private var bytes = 0
  /// The length of the Cookie field, its parts joined; nil as long as there is none.
  private var cookieLength: Int?
  private var hasHost = false
  private var seen = FieldEffects()
  /// Why the head is refused, once it is: no later field changes it.
  private var refusal: Refusal?

  /// - Parameter storage: memory for `limits.fields` fields and one more that outlives the reader and the head it makes.
  package init(limits: RequestLimits, underscores: UnderscoreFields, storage: UnsafeMutablePointer<Field>) {
    self.limits = limits
    self.underscores = underscores
    unsafe self.storage = storage
    // A cookie of many parts is copied once more when they are joined.
    section = FieldSectionBuilder(bytes: 2 * limits.head, fields: limits.fields, keepsMemory: true)
    head.version = .http2
  }

  /// For the next stream: every view of the head ends here.
  package mutating func reset() {
    head = RequestHead()
    head.version = .http2
    section.reset()
    method = nil
    target = nil
    authority = nil
    lineCount = 0
    bytes = 0
    cookieLength = nil
    hasHost = false
    hasPriority = false
    seen = FieldEffects()
    refusal = nil
  }

  /// The memory that the head takes now, in bytes.
  package var size: Int { section.size }

  // MARK: Fields

  /// Takes in one field of the block, of which nothing is kept but a copy; a refusal is kept until the block's end, since
  /// the response has to wait for that.
  package mutating func take(_ field: Field) {
    guard refusal == nil else { return }
    refusal = judge(field)
  }

  /// The connection has no room for what this head may still bring.
  package mutating func refuse(_ refusal: Refusal) { self.refusal = self.refusal ?? refusal }

  private mutating func judge(_ field: Field) -> Refusal? {
    // Both are below 2^17. What HTTP/1 needs around them counts likewise.
    bytes += field.name.count + field.value.count + 4
    if bytes > limits.head { return .headTooLarge }
    if !field.name.isEmpty && field.name[0] == ASCII.colon { return takePseudoField(field) }
    let known = KnownField(field.name)
    let isCookie = known == .other && field.name.equalsIgnoringCase("cookie")
    // Parts of a cookie are one field (RFC 9113 section 8.2.3).
    if !isCookie || cookieLength == nil {
      lineCount += 1
      if lineCount > limits.fields { return .tooManyFields }
    }
    if field.name.count + field.value.count + 2 > limits.fieldSize { return .fieldTooLong }
    if isCookie { return takeCookie(field) }
    if known.belongsToConnection && known != .te { return .connectionField }
    // The other known names have none.
    if known == .other || known == .xForwardedOther,
      underscores != .pass, field.name.firstIndex(of: ASCII.underscore) != nil
    {
      return underscores == .refuse ? .underscoreInFieldName : nil
    }
    if known == .other {
      if field.name.equalsIgnoringCase("priority") { hasPriority = true }
    } else {
      if let refusal = seen.note(known, field.value, head: &head) { return refusal }
      if known == .host { hasHost = true }
    }
    return section.append(field) ? nil : .headTooLarge
  }

  private mutating func takeCookie(_ field: Field) -> Refusal? {
    let length = (cookieLength.map { $0 + 2 } ?? 0) + field.value.count
    cookieLength = length
    // As long as the line that HTTP/1 would have: `cookie: ` and the value.
    if length + 8 > limits.fieldSize { return .fieldTooLong }
    return section.append(cookie: field) ? nil : .headTooLarge
  }

  private mutating func takePseudoField(_ field: Field) -> Refusal? {
    if field.name.equalsIgnoringCase(":method") {
      guard field.value.count <= RequestHeadParser.longestMethod else { return .malformedMethod }
      method = section.append(field.value)
      return method == nil ? .headTooLarge : nil
    } else if field.name.equalsIgnoringCase(":path") {
      guard field.value.count <= limits.requestLine else { return .requestLineTooLong }
      target = section.append(field.value)
      return target == nil ? .headTooLarge : nil
    } else if field.name.equalsIgnoringCase(":authority") {
      guard Authority.isValid(field.value) else { return .malformedHost }
      authority = section.append(field.value)
      return authority == nil ? .headTooLarge : nil
    }
    return nil
  }

  // MARK: The end

  /// The block is complete: the head stands in `head`, or the request is refused. To be called once.
  ///
  /// - Parameter ends: no body follows.
  package mutating func finish(ends: Bool) -> Refusal? {
    guard let count = unsafe section.seal(into: storage) else { return refusal ?? .headTooLarge }
    // For the log, what is refused has a name as well.
    if let method { head.method = section.view(method) }
    if let target { head.target = section.view(target) }
    if let authority { head.authority = section.view(authority) }
    if head.method.equals(Bytes("HEAD")) { head.traits.insert(.head) }
    unsafe head.fields = Fields(base: storage, count: count)
    if let refusal { return refusal }
    if let refusal = takeTarget() { return refusal }
    if let refusal = takeHost(count) { return refusal }
    if let refusal = seen.conclude(head: &head) { return refusal }
    if case .none = head.framing, !ends { head.framing = .chunked }
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
  private mutating func takeHost(_ count: Int) -> Refusal? {
    if hasHost {
      let host = host
      if head.authority.isEmpty { head.authority = host }
      return host.equals(head.authority) ? nil : .conflictingHost
    }
    if head.authority.isEmpty { return nil }
    seen.noteAuthority()
    // There is room for `limits.fields` fields and this one.
    for index in (0..<count).reversed() { unsafe storage[index + 1] = storage[index] }
    unsafe storage[0] = Field(name: Bytes("host"), value: head.authority)
    unsafe head.fields = Fields(base: storage, count: count + 1)
    return nil
  }

  /// The value of the field, which stands once.
  private var host: Bytes {
    for index in 0..<head.fields.count where head.fields[index].name.equalsIgnoringCase("host") {
      return head.fields[index].value
    }
    return .empty
  }
}
