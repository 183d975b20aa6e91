/// A request's head as read and checked: views into the connection's buffer, and what the server concluded.
package struct RequestHead {
  package var method = Bytes.empty
  /// As received.
  package var target = Bytes.empty
  /// The path and query within `target`; the path is "/" where an absolute target has none, and "*" for `OPTIONS *`.
  package var path = Bytes.empty
  package var query = Bytes.empty
  /// The Host field, or the authority of an absolute target, which wins (RFC 9112 section 3.2.2).
  package var authority = Bytes.empty
  package var version = HTTPVersion.http11
  package var fields = Fields.none
  package var framing = BodyFraming.none
  package var traits: RequestTraits = []

  package init() {}
}

/// How long a request's body is (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
  /// Neither Content-Length nor Transfer-Encoding: there is no body.
  case none
  case fixed(Int64)
  case chunked
}

/// What the fields of a head say to the server.
@usableFromInline
package struct RequestTraits: OptionSet, Sendable {
  @usableFromInline package let rawValue: UInt16
  @inlinable
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// As `SetAlgebra` has it, but seen by other modules, which would call it through the protocol.
  @inlinable
  @inline(__always)
  package func contains(_ traits: RequestTraits) -> Bool { rawValue & traits.rawValue == traits.rawValue }

  /// The connection may serve another request after this one.
  @inlinable package static var keepAlive: RequestTraits { RequestTraits(rawValue: 1 << 0) }
  /// `Expect: 100-continue`: the client waits for a 100 before it sends the body.
  @inlinable package static var expectsContinue: RequestTraits { RequestTraits(rawValue: 1 << 1) }
  /// `TE: trailers`.
  @inlinable package static var acceptsTrailers: RequestTraits { RequestTraits(rawValue: 1 << 2) }
  /// Via, Forwarded or X-Forwarded-* says that a proxy passed it on.
  @inlinable package static var proxied: RequestTraits { RequestTraits(rawValue: 1 << 3) }
  /// `no-early-hints: 1`.
  @inlinable package static var refusesEarlyHints: RequestTraits { RequestTraits(rawValue: 1 << 4) }
  /// X-Request-ID is there.
  @inlinable package static var hasRequestID: RequestTraits { RequestTraits(rawValue: 1 << 6) }
  /// The method is HEAD: the answer has no body.
  @inlinable package static var head: RequestTraits { RequestTraits(rawValue: 1 << 5) }
}
