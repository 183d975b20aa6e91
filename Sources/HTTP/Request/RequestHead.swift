/// A parsed and validated request head: views of the connection's buffer, and the server's conclusions.
package struct RequestHead {
  package var method = Bytes.empty
  /// The target as received.
  package var target = Bytes.empty
  /// Path and query within `target`. The path is "/" if an absolute target has none, and "*" for `OPTIONS *`.
  package var path = Bytes.empty
  package var query = Bytes.empty
  /// The Host field, or the authority of an absolute target, which takes precedence (RFC 9112 section 3.2.2).
  package var authority = Bytes.empty
  package var version = HTTPVersion.http11
  package var fields = Fields.none
  package var framing = BodyFraming.none
  package var traits: RequestTraits = []

  package init() {}
}

/// The framing of a request's body (RFC 9112 section 6.3).
package enum BodyFraming: Equatable, Sendable {
  /// Neither Content-Length nor Transfer-Encoding: there is no body.
  case none
  case fixed(Int64)
  case chunked
}

/// Properties of a request that its fields determine.
@usableFromInline
package struct RequestTraits: OptionSet, Sendable {
  @usableFromInline package let rawValue: UInt16
  @inlinable
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The same as in `SetAlgebra`, but inlinable in other modules, which would otherwise call through the protocol.
  @inlinable
  @inline(__always)
  package func contains(_ traits: RequestTraits) -> Bool { rawValue & traits.rawValue == traits.rawValue }

  /// The connection may serve another request after this one.
  @inlinable package static var keepAlive: RequestTraits { RequestTraits(rawValue: 1 << 0) }
  /// `Expect: 100-continue`: the client waits for a 100 before it sends the body.
  @inlinable package static var expectsContinue: RequestTraits { RequestTraits(rawValue: 1 << 1) }
  /// `TE: trailers`.
  @inlinable package static var acceptsTrailers: RequestTraits { RequestTraits(rawValue: 1 << 2) }
  /// Via, Forwarded or X-Forwarded-* indicates a proxy.
  @inlinable package static var proxied: RequestTraits { RequestTraits(rawValue: 1 << 3) }
  /// `no-early-hints: 1`.
  @inlinable package static var refusesEarlyHints: RequestTraits { RequestTraits(rawValue: 1 << 4) }
  /// The request has X-Request-ID.
  @inlinable package static var hasRequestID: RequestTraits { RequestTraits(rawValue: 1 << 6) }
  /// `Connection: upgrade`, or an extended CONNECT (RFC 8441): the request may be a handshake of WebSocket.
  @inlinable package static var upgrade: RequestTraits { RequestTraits(rawValue: 1 << 7) }
  /// The method is HEAD: the response has no body.
  @inlinable package static var head: RequestTraits { RequestTraits(rawValue: 1 << 5) }
}
