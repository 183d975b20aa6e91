/// Makes a request head from the fields of a header block (RFC 9113 section 8.3), by the same rules as for HTTP/1:
/// `FramingFields`, `RequestTarget`, `Authority`, and the same limits.
///
/// nghttp2 has checked the rules of HTTP/2: order and number of pseudo-fields, upper-case names, connection-specific
/// fields. Names and values are copied into the reader's memory. Views of it exist from `finish` to `reset`.
@safe
package struct StreamHeadReader: ~Copyable {
  /// The head. After `finish` it is complete, or contains what was read before a refusal; before that it is empty.
  /// Written only here; not private, so that its address can be taken.
  package var head = RequestHead()
  /// The client has sent priorities (RFC 9218).
  package private(set) var hasPriority = false
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  /// Memory for `limits.fields` + 1 fields, owned by the caller.
  private let storage: UnsafeMutablePointer<Field>
  private var section: FieldSectionBuilder
  private var method: FieldSectionBuilder.Run?
  private var target: FieldSectionBuilder.Run?
  private var authority: FieldSectionBuilder.Run?
  private var lineCount = 0
  private var bytes = 0
  /// The length of the Cookie field with its parts joined; nil if there is none.
  private var cookieLength: Int?
  private var hasHost = false
  private var seen = FramingFields()
  /// Why the head is refused, if it is. Later fields do not change that.
  private var refusal: Refusal?

  /// - Parameter storage: memory for `limits.fields` + 1 fields that outlives the reader and the head.
  package init(limits: RequestLimits, underscores: UnderscoreFields, storage: UnsafeMutablePointer<Field>) {
    self.limits = limits
    self.underscores = underscores
    unsafe self.storage = storage
    // The parts of a cookie are copied once more when they are joined.
    section = FieldSectionBuilder(bytes: 2 * limits.head, fields: limits.fields, keepsMemory: true)
    head.version = .http2
  }

  /// Prepares for the next stream: all views of the head become invalid.
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
    seen = FramingFields()
    refusal = nil
  }

  /// The memory that the head uses, in bytes.
  package var size: Int { section.size }

  // MARK: Fields

  /// Processes one field of the block and keeps a copy of it. A refusal is kept until the block's end, since the
  /// response can't be sent earlier.
  package mutating func take(_ field: Field) {
    guard refusal == nil else { return }
    refusal = judge(field)
  }

  /// Refuses the head because the connection has no room for the rest of it.
  package mutating func refuse(_ refusal: Refusal) { self.refusal = self.refusal ?? refusal }

  private mutating func judge(_ field: Field) -> Refusal? {
    // Both are below 2^17. The bytes that HTTP/1 has around them count as well.
    bytes += field.name.count + field.value.count + 4
    if bytes > limits.head { return .headTooLarge }
    if !field.name.isEmpty && field.name[0] == ASCII.colon { return takePseudoField(field) }
    let known = KnownField(field.name)
    let isCookie = known == .other && field.name.equalsIgnoringCase("cookie")
    // The parts of a cookie count as one field (RFC 9113 section 8.2.3).
    if !isCookie || cookieLength == nil {
      lineCount += 1
      if lineCount > limits.fields { return .tooManyFields }
    }
    if field.name.count + field.value.count + 2 > limits.fieldSize { return .fieldTooLong }
    if isCookie { return takeCookie(field) }
    if known.belongsToConnection && known != .te { return .connectionField }
    // Other known names have no underscore.
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
    // The length of the HTTP/1 line: `cookie: ` and the value.
    if length + 8 > limits.fieldSize { return .fieldTooLong }
    return section.append(cookie: field) ? nil : .headTooLarge
  }

  private mutating func takePseudoField(_ field: Field) -> Refusal? {
    if field.name.equalsIgnoringCase(":method") {
      guard field.value.count <= RequestHeadParser.longestMethod else { return .methodTooLong }
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
    } else if field.name.equalsIgnoringCase(":protocol") {
      // Other protocols are refused as CONNECT is.
      if field.value.equals(Bytes("websocket")) { head.traits.insert(.upgrade) }
    }
    return nil
  }

  // MARK: The end

  /// The block is complete: fills in `head`, or refuses the request. Called once.
  ///
  /// - Parameter ends: whether there is no body.
  package mutating func finish(ends: Bool) -> Refusal? {
    guard let count = unsafe section.seal(into: storage) else { return refusal ?? .headTooLarge }
    // Makes views of a refused request as well, for the log.
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
    let isConnect = head.method.equals(Bytes("CONNECT"))
    if isConnect && !head.traits.contains(.upgrade) {
      head.target = head.authority
      return nil
    }
    guard let start = unsafe head.target.base, head.target.count > 0 else { return .malformedTarget }
    let extent = unsafe RequestTarget.Extent(start, start + head.target.count)
    // Origin form or asterisk; HTTP/2 has no absolute form (RFC 9113 section 8.3.1).
    guard extent.count == head.target.count, head.target[0] == ASCII.slash || head.target.count == 1,
      // The target of an extended CONNECT is that of a GET (RFC 8441 section 4).
      let parts = unsafe RequestTarget(start, extent, method: isConnect ? Bytes("GET") : head.method)
    else { return .malformedTarget }
    head.path = parts.path
    head.query = parts.query
    return nil
  }

  /// Checks that `:authority` and Host agree, and makes sure that the plugin finds Host (RFC 9113 section 8.3.1).
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

  /// The value of Host, which occurs once.
  private var host: Bytes {
    for index in 0..<head.fields.count where head.fields[index].name.equalsIgnoringCase("host") {
      return head.fields[index].value
    }
    return .empty
  }
}
