/// The field names that mean something to the server itself.
package enum KnownField: UInt8 {
  case other
  case connection, contentLength, contentType, date, expect, forwarded, host, keepAlive, noEarlyHints
  case proxyConnection, server, te, trailer, transferEncoding, upgrade, via
  case xForwardedFor, xForwardedHost, xForwardedProto, xForwardedOther, xRequestID

  /// The field that `name`, in any case, stands for. The length decides first: few names get as far as a comparison.
  @inlinable
  package init(_ name: Bytes) {
    switch name.count {
    case 2: self = name.equalsIgnoringCase("te") ? .te : .other
    case 3: self = name.equalsIgnoringCase("via") ? .via : .other
    case 4: self = KnownField.either(name, "host", .host, "date", .date)
    case 6: self = KnownField.either(name, "expect", .expect, "server", .server)
    case 7: self = KnownField.either(name, "trailer", .trailer, "upgrade", .upgrade)
    case 9: self = name.equalsIgnoringCase("forwarded") ? .forwarded : .other
    case 10: self = KnownField.either(name, "connection", .connection, "keep-alive", .keepAlive)
    case 12: self = KnownField.either(name, "content-type", .contentType, "x-request-id", .xRequestID)
    case 13...: self = KnownField(long: name)
    default: self = .other
    }
  }

  @inlinable
  static func either(
    _ name: Bytes, _ one: StaticString, _ first: KnownField, _ other: StaticString, _ second: KnownField
  ) -> KnownField {
    if name.equalsIgnoringCase(one) { return first }
    return name.equalsIgnoringCase(other) ? second : .other
  }

  @usableFromInline
  init(long name: Bytes) {
    let found: KnownField
    switch name.count {
    case 14: found = KnownField.either(name, "content-length", .contentLength, "no-early-hints", .noEarlyHints)
    case 15: found = name.equalsIgnoringCase("x-forwarded-for") ? .xForwardedFor : .other
    case 16:
      found = KnownField.either(name, "proxy-connection", .proxyConnection, "x-forwarded-host", .xForwardedHost)
    case 17:
      found = KnownField.either(name, "transfer-encoding", .transferEncoding, "x-forwarded-proto", .xForwardedProto)
    default: found = .other
    }
    // Any other X-Forwarded-* tells of a proxy as well.
    let isForwarded = found == .other && ASCII.lowercased(name[0]) == 0x78
    self = isForwarded && name.slice(0, 12).equalsIgnoringCase("x-forwarded-") ? .xForwardedOther : found
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
