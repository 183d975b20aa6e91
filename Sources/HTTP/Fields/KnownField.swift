/// The field names that the server itself interprets.
package enum KnownField: UInt8 {
  case other
  case connection, contentLength, contentType, date, expect, forwarded, host, keepAlive, noEarlyHints
  case proxyConnection, server, te, trailer, transferEncoding, upgrade, via
  case xForwardedFor, xForwardedHost, xForwardedProto, xForwardedOther, xRequestID

  /// The field with the name `name`, in any case.
  package init(_ name: Bytes) {
    self = !name.isEmpty && KnownField.mayBe(name) ? KnownField(exactly: name) : .other
  }

  /// Whether a known name has the same first letter and length, which is false for most names.
  ///
  /// - Parameter name: not empty.
  @inline(__always)
  static func mayBe(_ name: Bytes) -> Bool {
    let base = unsafe name.base.unsafelyUnwrapped  // not empty
    let first = unsafe base.pointee | 0x20
    // Bit n for length n, modulo 32.
    let lengths: UInt32 =
      switch first {
      case UInt8(ascii: "c"): 1 << 10 | 1 << 12 | 1 << 14
      case UInt8(ascii: "d"), UInt8(ascii: "h"): 1 << 4
      case UInt8(ascii: "e"), UInt8(ascii: "s"): 1 << 6
      case UInt8(ascii: "f"): 1 << 9
      case UInt8(ascii: "k"): 1 << 10
      case UInt8(ascii: "n"): 1 << 14
      case UInt8(ascii: "p"): 1 << 16
      case UInt8(ascii: "t"): 1 << 2 | 1 << 7 | 1 << 17
      case UInt8(ascii: "u"): 1 << 7
      case UInt8(ascii: "v"): 1 << 3
      case UInt8(ascii: "x"): ~0
      default: 0
      }
    if lengths &>> UInt32(truncatingIfNeeded: name.count) & 1 == 0 { return false }
    // X-Request-ID, and all names that begin with X-Forwarded-.
    return unsafe first != UInt8(ascii: "x") || name.count == 12
      || name.count > 12 && base[2] | 0x20 == UInt8(ascii: "f")
  }

  /// The field of a name that passed the first check.
  @inline(__always)
  init(exactly name: Bytes) {
    // Nearly every request has Host.
    self = name.equalsIgnoringCase("host") ? .host : KnownField(anyOther: name)
  }

  @inline(never)
  private init(anyOther name: Bytes) {
    @inline(__always)
    func either(_ one: StaticString, _ first: KnownField, _ other: StaticString, _ second: KnownField) -> KnownField {
      if name.equalsIgnoringCase(one) { return first }
      return name.equalsIgnoringCase(other) ? second : .other
    }
    if name[0] | 0x20 == UInt8(ascii: "x") {
      self.init(x: name)
      return
    }
    let found: KnownField
    switch name.count {
    case 2: found = name.equalsIgnoringCase("te") ? .te : .other
    case 3: found = name.equalsIgnoringCase("via") ? .via : .other
    case 4: found = name.equalsIgnoringCase("date") ? .date : .other
    case 6: found = either("expect", .expect, "server", .server)
    case 7: found = either("trailer", .trailer, "upgrade", .upgrade)
    case 9: found = name.equalsIgnoringCase("forwarded") ? .forwarded : .other
    case 10: found = either("connection", .connection, "keep-alive", .keepAlive)
    case 12: found = name.equalsIgnoringCase("content-type") ? .contentType : .other
    case 14: found = either("content-length", .contentLength, "no-early-hints", .noEarlyHints)
    case 16: found = name.equalsIgnoringCase("proxy-connection") ? .proxyConnection : .other
    case 17: found = name.equalsIgnoringCase("transfer-encoding") ? .transferEncoding : .other
    default: found = .other
    }
    self = found
  }

  /// The field of a name that begins with X.
  private init(x name: Bytes) {
    if name.count == 12 {
      self = name.equalsIgnoringCase("x-request-id") ? .xRequestID : .other
      return
    }
    guard name.count > 12, name.slice(0, 12).equalsIgnoringCase("x-forwarded-") else {
      self = .other
      return
    }
    // Any other X-Forwarded-* also indicates a proxy.
    let rest = name.dropFirst(12)
    switch rest.count {
    case 3 where rest.equalsIgnoringCase("for"): self = .xForwardedFor
    case 4 where rest.equalsIgnoringCase("host"): self = .xForwardedHost
    case 5 where rest.equalsIgnoringCase("proto"): self = .xForwardedProto
    default: self = .xForwardedOther
    }
  }

  /// Fields that frame the message or belong to the connection: only the server may send them (RFC 9110 section 7.6.1).
  package var belongsToConnection: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade: true
    default: false
    }
  }

  /// Fields that are forbidden in a trailer section: they frame or route the message, or describe its origin (RFC 9110
  /// section 6.5.1).
  package var isForbiddenInTrailers: Bool {
    switch self {
    case .contentLength, .expect, .forwarded, .host, .trailer, .via: true
    case .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedOther, .xRequestID: true
    default: belongsToConnection
    }
  }
}
