/// The fields of a request's head that decide its framing, its routing and the connection, collected while the head is parsed.
struct FramingFields {
  private var contentLength: Int64?
  private var hasHost = false
  private var hasContentType = false
  private var hasTransferEncoding = false
  private var chunked = false
  private var close = false
  private var keepAlive = false
  private var unsupportedCoding = false
  private var unknownExpectation = false

  /// Processes one field.
  ///
  /// - Parameter value: read during the call, not kept.
  /// - Returns: a refusal because of this field, alone or in combination with earlier ones; else nil.
  @inline(__always)
  mutating func note(_ known: KnownField, _ value: Bytes, head: inout RequestHead) -> Refusal? {
    // Nearly every request has Host.
    known == .host ? noteHost(value) : note(anyOther: known, value, head: &head)
  }

  @inline(never)
  private mutating func note(anyOther known: KnownField, _ value: Bytes, head: inout RequestHead) -> Refusal? {
    switch known {
    case .contentLength: return noteContentLength(value)
    case .transferEncoding: return noteTransferEncoding(value)
    case .contentType:
      if hasContentType { return .duplicateField }
      hasContentType = true
    case .connection:
      // The usual value.
      if value.equalsIgnoringCase("keep-alive") {
        keepAlive = true
      } else {
        noteConnection(ListElements(value), &head.traits)
      }
    case .expect:
      if value.equalsIgnoringCase("100-continue") {
        head.traits.insert(.expectsContinue)
      } else {
        unknownExpectation = true
      }
    case .te:
      var tokens = ListElements(value)
      while let token = tokens.next() {
        if token.equalsIgnoringCase("trailers") { head.traits.insert(.acceptsTrailers) }
      }
    case .via, .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedOther:
      head.traits.insert(.proxied)
    case .xRequestID: head.traits.insert(.hasRequestID)
    case .noEarlyHints:
      if value.equals(Bytes("1")) { head.traits.insert(.refusesEarlyHints) }
    default: break
    }
    return nil
  }

  private mutating func noteConnection(_ options: ListElements, _ traits: inout RequestTraits) {
    for option in options {
      if option.equalsIgnoringCase("upgrade") { traits.insert(.upgrade) }
      if option.equalsIgnoringCase("close") { close = true }
      if option.equalsIgnoringCase("keep-alive") { keepAlive = true }
    }
  }

  /// `:authority` replaces Host. It has been validated.
  mutating func noteAuthority() { hasHost = true }

  @inline(__always)
  private mutating func noteHost(_ value: Bytes) -> Refusal? {
    if hasHost { return .duplicateField }
    hasHost = true
    return Authority.isValid(value) ? nil : .malformedHost
  }

  /// Digits only: no sign, no list, no overflow (RFC 9110 section 8.6).
  private mutating func noteContentLength(_ value: Bytes) -> Refusal? {
    if contentLength != nil { return .duplicateField }
    guard let length = DecimalLength.parse(value) else { return .malformedContentLength }
    contentLength = length
    return nil
  }

  /// Accepts only `chunked`, once; other codings are not supported (RFC 9112 sections 6.1 and 7).
  private mutating func noteTransferEncoding(_ value: Bytes) -> Refusal? {
    hasTransferEncoding = true
    var codings = ListElements(value)
    var any = false
    while let coding = codings.next() {
      any = true
      if chunked { return .malformedTransferEncoding }
      if coding.equalsIgnoringCase("chunked") { chunked = true } else { unsupportedCoding = true }
    }
    return any ? nil : .malformedTransferEncoding
  }

  /// Draws the conclusions from all fields.
  func conclude(head: inout RequestHead) -> Refusal? {
    if head.version != .http10 && !hasHost { return .missingHost }
    if hasTransferEncoding {
      if contentLength != nil { return .conflictingFraming }
      if head.version == .http10 { return .chunkedInHTTP10 }
      if unsupportedCoding { return .unsupportedCoding }
      head.framing = .chunked
    } else if let contentLength {
      head.framing = .fixed(contentLength)
    }
    if head.version == .http10 {
      // HTTP/1.0 has no expectations (RFC 9110 section 10.1.1).
      head.traits.remove(.expectsContinue)
      if keepAlive && !close { head.traits.insert(.keepAlive) }
    } else {
      if unknownExpectation { return .unknownExpectation }
      if !close { head.traits.insert(.keepAlive) }
    }
    return nil
  }
}
