/// Whether informational responses of a request are sent, following RFC 8297 section 3 and the known faults of proxies.
package struct EarlyHintPolicy: Sendable {
  /// They are sent; otherwise each is skipped.
  package var allowed: Bool
  package var maxPerRequest: Int
  /// The maximum size of the field section of one response, in bytes with line ends.
  package var maxBytes: Int
  /// The client's maximum header list size in the unit of HTTP/2: with 32 bytes for each field.
  package var maxListSize = Int.max

  package init(allowed: Bool, maxPerRequest: Int, maxBytes: Int) {
    self.allowed = allowed
    self.maxPerRequest = maxPerRequest
    self.maxBytes = maxBytes
  }

  /// The limits for informational responses.
  package enum Limit: Equatable {
    case perRequest(Int)
    case bytes(Int, limit: Int)
    /// The client's limit for a header list.
    case listSize(Int, limit: Int)
  }

  /// The limit that a response with these fields exceeds, or nil.
  ///
  /// - Parameter sent: the number of responses sent before.
  func brokenLimit(_ fields: Fields, _ verdict: FieldValidation.Verdict, sent: Int) -> Limit? {
    if sent >= maxPerRequest { return .perRequest(maxPerRequest) }
    // A line has ": " and CR LF in addition to name and value.
    let bytes = verdict.bytes + 4 * fields.count
    if bytes > maxBytes { return .bytes(bytes, limit: maxBytes) }
    // The list also contains :status.
    let list = verdict.bytes + 32 * fields.count + 42
    return list > maxListSize ? .listSize(list, limit: maxListSize) : nil
  }
}

/// The `[early_hints]` settings as they apply to one listener.
package struct EarlyHintRules: Sendable {
  /// The HTTP/1.1 clients that get informational responses.
  package enum HTTP1: Sendable {
    /// Clients without a proxy: proxies older than nginx 1.29 regard a 103 as the final response.
    case direct
    case all
    case none
  }

  package var enabled = true
  package var http1 = HTTP1.direct
  package var maxPerRequest = 5
  package var maxBytes = 8 << 10

  package init() {}

  /// The policy for one request.
  ///
  /// - Parameter proxied: whether it came through a proxy, according to its fields or its listener.
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

  /// Whether a request gets no hints only because it came through a proxy. The operator should then learn about the
  /// setting.
  package func isWithheldFromProxy(version: HTTPVersion, traits: RequestTraits, proxied: Bool) -> Bool {
    enabled && version == .http11 && http1 == .direct && proxied && !traits.contains(.refusesEarlyHints)
  }
}
