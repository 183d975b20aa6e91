import Configuration
import HTTP
import Platform

/// What a trusted proxy's fields say about the client. Only fields that the operator has listed are believed: the
/// client could have sent the others. Malformed fields are ignored, since a proxy's mistake is no reason to refuse its
/// clients. Pure.
struct Forwarding {
  let trusted: TrustedPeers
  /// The fields that are believed.
  let fields: TrustedFields

  /// The statements of the fields; nil where there is no valid one.
  struct Claim {
    var client: (address: Bytes, port: UInt16)?
    var scheme: ForwardedScheme?
    var host: Bytes?
  }

  /// A field that is ignored, and why.
  struct Ignored: CustomStringConvertible {
    enum Reason {
      case contradiction, malformed
      case noScheme(Bytes)
      case noHost(Bytes)
      case noAddress(Bytes)
    }

    let field: StaticString
    let reason: Reason

    var description: String {
      switch reason {
      case .contradiction: "it contradicts X-Forwarded-*"
      case .malformed: "it is malformed"
      case .noScheme(let name): "\(name.escaped(limit: 40)) is neither http nor https"
      case .noHost(let name): "\(name.escaped(limit: 40)) is no host"
      case .noAddress(let name): "\(name.escaped(limit: 46)) is no address"
      }
    }
  }

  /// Reads client, scheme and host. If X-Forwarded-* and Forwarded differ and both are listed, X-Forwarded-* takes
  /// precedence.
  func read(_ fields: Fields, _ ignored: inout [Ignored]) -> Claim {
    let told = xForwarded(fields, &ignored)
    let other = forwarded(fields, &ignored)
    if differ(told, other) { ignored.append(Ignored(field: "Forwarded", reason: .contradiction)) }
    return Claim(
      client: told.client ?? other.client, scheme: told.scheme ?? other.scheme, host: told.host ?? other.host)
  }

  private func differ(_ one: Claim, _ other: Claim) -> Bool {
    if let a = one.client, let b = other.client, !isSame(a.address, b.address) { return true }
    if let a = one.scheme, let b = other.scheme, a != b { return true }
    if let a = one.host, let b = other.host, !isSameHost(a, b) { return true }
    return false
  }

  /// Compares addresses, whose spellings may differ.
  private func isSame(_ one: Bytes, _ other: Bytes) -> Bool {
    one.equals(other) || IPAddress(one.escaped(limit: 46)) == IPAddress(other.escaped(limit: 46))
  }

  private func isSameHost(_ one: Bytes, _ other: Bytes) -> Bool {
    one.equals(other) || one.escaped(limit: 300).lowercased() == other.escaped(limit: 300).lowercased()
  }

  private func xForwarded(_ fields: Fields, _ ignored: inout [Ignored]) -> Claim {
    var told = Claim()
    if self.fields.contains(.xForwardedFor) {
      told.client = client(HopsFromRight(fields, .xForwardedFor), "X-Forwarded-For", &ignored) { $0 }
    }
    if self.fields.contains(.xForwardedProto) {
      var schemes = HopsFromRight(fields, .xForwardedProto)
      if let name = schemes.next() { told.scheme = scheme(name, "X-Forwarded-Proto", &ignored) }
    }
    if self.fields.contains(.xForwardedHost) {
      var hosts = HopsFromRight(fields, .xForwardedHost)
      if let name = hosts.next() { told.host = host(name, "X-Forwarded-Host", &ignored) }
    }
    return told
  }

  private func forwarded(_ fields: Fields, _ ignored: inout [Ignored]) -> Claim {
    var told = Claim()
    guard self.fields.contains(.forwarded) else { return told }
    guard var elements = HopsFromRight(forwarded: fields) else {
      ignored.append(Ignored(field: "Forwarded", reason: .malformed))
      return told
    }
    told.client = client(elements, "Forwarded", &ignored) { ForwardedParameter.for.value(in: $0) }
    // The last element is from the nearest proxy.
    guard let last = elements.next() else { return told }
    if let name = ForwardedParameter.proto.value(in: last) { told.scheme = scheme(name, "Forwarded", &ignored) }
    if let name = ForwardedParameter.host.value(in: last) { told.host = host(name, "Forwarded", &ignored) }
    return told
  }

  private func scheme(_ name: Bytes, _ field: StaticString, _ ignored: inout [Ignored]) -> ForwardedScheme? {
    if let scheme = ForwardedScheme(name) { return scheme }
    ignored.append(Ignored(field: field, reason: .noScheme(name)))
    return nil
  }

  private func host(_ name: Bytes, _ field: StaticString, _ ignored: inout [Ignored]) -> Bytes? {
    if Authority.isValid(name) { return name }
    ignored.append(Ignored(field: field, reason: .noHost(name)))
    return nil
  }

  /// The first hop from the right that is not a trusted proxy; the leftmost if all are trusted. An element that is no
  /// address ends the search, because hops beyond it can't be verified.
  private func client(
    _ hops: HopsFromRight, _ field: StaticString, _ ignored: inout [Ignored], _ node: (Bytes) -> Bytes?
  ) -> (address: Bytes, port: UInt16)? {
    var found: (address: Bytes, port: UInt16)?
    var hops = hops
    while let hop = hops.next() {
      guard let name = node(hop) else { break }
      let (address, port) = HopAddress.split(name)
      guard let parsed = IPAddress(address.escaped(limit: 46)) else {
        // Proxies may leave a client unnamed (RFC 7239 section 6).
        if !HopAddress.isUnnamed(address) { ignored.append(Ignored(field: field, reason: .noAddress(name))) }
        break
      }
      found = (address, port)
      if !trusted.contains(parsed) { break }
    }
    return found
  }
}
