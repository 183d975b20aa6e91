/// What decides whether the informational responses of one request go out (the design is RFC 8297's section 3 and the
/// known faults of proxies).
package struct EarlyHintPolicy: Sendable {
  /// They go out; otherwise each is skipped.
  package var allowed: Bool
  package var maxPerRequest: Int
  /// The largest field block of one, in bytes with line ends.
  package var maxBytes: Int
  /// The largest header list that the client takes, as HTTP/2 counts it: with 32 bytes for each field.
  package var maxListSize = Int.max

  package init(allowed: Bool, maxPerRequest: Int, maxBytes: Int) {
    self.allowed = allowed
    self.maxPerRequest = maxPerRequest
    self.maxBytes = maxBytes
  }
}

/// The `[early_hints]` settings as they apply to one listener.
package struct EarlyHintRules: Sendable {
  /// Who over HTTP/1.1 gets informational responses.
  package enum HTTP1: Sendable {
    /// Clients that come directly: proxies older than nginx 1.29 take a 103 for the final response.
    case direct
    case all
    case none
  }

  package var enabled = true
  package var http1 = HTTP1.direct
  package var maxPerRequest = 8
  package var maxBytes = 8 << 10

  package init() {}

  /// The policy for one request.
  ///
  /// - Parameter proxied: it came through a proxy, by its fields or its listener.
  package func policy(version: HTTPVersion, traits: RequestTraits, proxied: Bool) -> EarlyHintPolicy {
    let reachesClient: Bool
    switch version {
    case .http10: reachesClient = false
    case .http11: reachesClient = http1 == .all || (http1 == .direct && !proxied)
    case .http2: reachesClient = true
    }
    return EarlyHintPolicy(
      allowed: enabled && reachesClient && !traits.contains(.refusesEarlyHints), maxPerRequest: maxPerRequest,
      maxBytes: maxBytes)
  }

  /// Whether a request is denied hints for no other reason than that a proxy passed it on, so that the operator
  /// should be told of the setting.
  package func isWithheldFromProxy(version: HTTPVersion, traits: RequestTraits, proxied: Bool) -> Bool {
    enabled && version == .http11 && http1 == .direct && proxied && !traits.contains(.refusesEarlyHints)
  }
}
