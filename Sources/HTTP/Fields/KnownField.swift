/// The field names that mean something to the server itself.
package enum KnownField: UInt8 {
  case other
  case connection, contentLength, contentType, date, expect, forwarded, host, keepAlive, noEarlyHints
  case proxyConnection, server, te, trailer, transferEncoding, upgrade, via
  case xForwardedFor, xForwardedHost, xForwardedProto, xForwardedOther, xRequestID

  /// The field that `name`, in any case, stands for. The length decides first: few names get as far as a comparison.
  @inlinable
  package init(_ name: Bytes) {
    func matches(_ lowercase: StaticString, _ field: KnownField) -> KnownField {
      name.equalsIgnoringCase(lowercase) ? field : .other
    }
    let initial = name.isEmpty ? 0 : ASCII.lowercased(name[0])
    switch (name.count, initial) {
    case (2, 0x74): self = matches("te", .te)
    case (3, 0x76): self = matches("via", .via)
    case (4, 0x68): self = matches("host", .host)
    case (4, 0x64): self = matches("date", .date)
    case (6, 0x65): self = matches("expect", .expect)
    case (6, 0x73): self = matches("server", .server)
    case (7, 0x74): self = matches("trailer", .trailer)
    case (7, 0x75): self = matches("upgrade", .upgrade)
    case (9, 0x66): self = matches("forwarded", .forwarded)
    case (10, 0x63): self = matches("connection", .connection)
    case (10, 0x6B): self = matches("keep-alive", .keepAlive)
    case (12, 0x63): self = matches("content-type", .contentType)
    case (12, 0x78): self = matches("x-request-id", .xRequestID)
    case (14, 0x63): self = matches("content-length", .contentLength)
    case (14, 0x6E): self = matches("no-early-hints", .noEarlyHints)
    case (15, 0x78): self = matches("x-forwarded-for", .xForwardedFor)
    case (16, 0x70): self = matches("proxy-connection", .proxyConnection)
    case (16, 0x78): self = matches("x-forwarded-host", .xForwardedHost)
    case (17, 0x74): self = matches("transfer-encoding", .transferEncoding)
    case (17, 0x78): self = matches("x-forwarded-proto", .xForwardedProto)
    default: self = .other
    }
    // Any other X-Forwarded-* tells of a proxy as well.
    if self == .other && initial == 0x78 && name.count > 12 && name.slice(0, 12).equalsIgnoringCase("x-forwarded-") {
      self = .xForwardedOther
    }
  }

  /// Fields that frame the message or belong to the connection: the server's alone to send (RFC 9110 section 7.6.1).
  package var belongsToConnection: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade: true
    default: false
    }
  }

  /// Fields that must not come in a trailer section: they frame, route, or say where a request came from
  /// (RFC 9110 section 6.5.1).
  package var isForbiddenInTrailers: Bool {
    switch self {
    case .contentLength, .expect, .forwarded, .host, .trailer, .via: true
    case .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedOther, .xRequestID: true
    default: belongsToConnection
    }
  }
}
