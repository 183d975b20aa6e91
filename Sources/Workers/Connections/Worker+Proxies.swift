import Configuration
import HTTP
import Platform
import PluginHost

// What proxies say of the client, and whether it counts: the PROXY header of a connection, the fields of a request.

extension Worker {
  // MARK: Connections

  /// Notes whether a new connection's peer is trusted; false if it is not welcome at all.
  func greet(_ connection: Connection, _ peer: Peer) -> Bool {
    if isTrusted(peer) { connection.record.flags.insert(.trusted) }
    if record.settings.priorKnowledge[Int(connection.record.listener)] { connection.record.flags.insert(.mayBeHTTP2) }
    guard record.settings.proxyHeaders[Int(connection.record.listener)] != nil else { return true }
    connection.record.phase = .proxyHeader
    guard connection.record.flags.contains(.trusted) else {
      reject(connection, .untrustedProxy)
      return false
    }
    return true
  }

  private func isTrusted(_ peer: Peer) -> Bool {
    switch peer.family {
    case .ipv4: record.settings.trusted.contains(IPAddress(ipv4: peer.address))
    case .ipv6: record.settings.trusted.contains(IPAddress(ipv6: peer.address))
    case .unix: record.settings.trusted.includesUnixPeers
    }
  }

  /// Closes without an answer: there is no request to answer.
  func reject(_ connection: Connection, _ refusal: Refusal) {
    note(refusal, connection)
    close(connection)
  }

  @inline(never)
  func readProxyHeader(_ connection: Connection) -> Bool {
    guard let accepted = record.settings.proxyHeaders[Int(connection.record.listener)] else { return false }
    if record.tls[Int(connection.record.listener)] != nil { return peekProxyHeader(connection, accepted) }
    if connection.record.input?.unreadCount ?? 0 == 0 {
      switch receive(connection, into: inputWithRoom(connection)) {
      case .bytes: break
      case .none: return connection.record.flags.contains(.broken)
      case .endOfFile:
        close(connection)
        return true
      }
    }
    guard let input = connection.record.input else { return false }
    let bytes = unsafe Bytes(base: UnsafePointer(input.unread), count: input.unreadCount)
    switch ProxyHeader.parse(bytes, accepted) {
    case .incomplete:
      switch receive(connection, into: inputWithRoom(connection)) {
      case .bytes: return true
      case .none: return connection.record.flags.contains(.broken)
      case .endOfFile:
        reject(connection, .malformedProxyHeader)
        return true
      }
    case .refused(let refusal):
      reject(connection, refusal)
      return true
    case .complete(let length, let client):
      input.record.start += length
      connection.record.phase = .idle
      take(client, connection)
      return true
    }
  }

  /// What a PROXY header said counts from here on.
  func take(_ client: ProxyHeader.Client, _ connection: Connection) {
    connection.record.flags.insert(.proxied)
    switch client {
    case .proxy: break
    // Whoever it is, it is not the proxy: its own words do not count.
    case .unknown: connection.record.flags.remove(.trusted)
    case .known(let route): if !adopt(route, connection) { reject(connection, .malformedProxyHeader) }
    }
  }

  /// The client is whom the header names; whether its own words count is judged anew.
  private func adopt(_ route: ProxyHeader.Route, _ connection: Connection) -> Bool {
    let address: IPAddress?
    switch route.source {
    case .text(let text): address = IPAddress(text.escaped())
    case .raw(let octets): address = IPAddress(octets: octets)
    }
    guard let address else { return false }
    record.table.setClient(connection, host: address.description, port: route.sourcePort)
    if !record.settings.trusted.contains(address) { connection.record.flags.remove(.trusted) }
    return true
  }

  // MARK: Requests

  /// The id that a trusted peer gave the request, or one of our own.
  @inline(__always)
  func requestID(_ request: Request, _ head: borrowing RequestHead) -> Bytes {
    let isTrusted = request.record.connection.record.flags.contains(.trusted)
    if isTrusted, head.traits.contains(.hasRequestID), let id = givenID(head.fields) { return id }
    return unsafe record.ids.next(into: request.record.storage.id)
  }

  @inline(never)
  private func givenID(_ fields: Fields) -> Bytes? {
    for index in 0..<fields.count {
      let field = fields[index]
      if KnownField(field.name) == .xRequestID && RequestIDSyntax.isValid(field.value) { return field.value }
    }
    return nil
  }

  /// Takes over client, scheme and host from a trusted proxy's fields.
  @inline(never)
  func applyForwarding(_ fields: Fields, to exchange: Exchange) -> Refusal? {
    guard var elements = HopsFromRight(forwarded: fields) else { return .malformedForwarding }
    let listed = client(HopsFromRight(fields, .xForwardedFor)) { $0 }
    let forwarded = client(elements) { ForwardedParameter.for.value(in: $0) }
    if let listed, let forwarded, !listed.address.equals(forwarded.address) { return .conflictingForwarding }
    if let client = listed ?? forwarded {
      exchange.client = RequestEndpoint(address: client.address, port: client.port)
    }
    var scheme: ForwardedScheme?
    var schemes = HopsFromRight(fields, .xForwardedProto)
    while let name = schemes.next() {
      guard let next = ForwardedScheme(name) else { return .malformedForwarding }
      if let scheme, scheme != next { return .conflictingForwarding }
      scheme = next
    }
    if let last = elements.next() {
      if let name = ForwardedParameter.proto.value(in: last) {
        guard let next = ForwardedScheme(name) else { return .malformedForwarding }
        if let scheme, scheme != next { return .conflictingForwarding }
        scheme = next
      }
      if let host = ForwardedParameter.host.value(in: last) {
        guard Authority.isValid(host) else { return .malformedForwarding }
        exchange.authority = host
      }
    }
    if let scheme { exchange.scheme = scheme.name }
    var hosts = HopsFromRight(fields, .xForwardedHost)
    if let host = hosts.next() {
      guard Authority.isValid(host) else { return .malformedForwarding }
      exchange.authority = host
    }
    return nil
  }

  /// The first hop from the right that is not itself a trusted proxy; the leftmost if all are. An element that is no
  /// address ends the walk: what is beyond it can't be known.
  private func client(_ hops: HopsFromRight, _ node: (Bytes) -> Bytes?) -> (address: Bytes, port: UInt16)? {
    var found: (address: Bytes, port: UInt16)?
    var hops = hops
    while let hop = hops.next() {
      guard let name = node(hop) else { break }
      let (address, port) = HopAddress.split(name)
      guard let parsed = IPAddress(address.escaped(limit: 46)) else { break }
      found = (address, port)
      if !record.settings.trusted.contains(parsed) { break }
    }
    return found
  }
}

extension IPAddress {
  /// From 4 or 16 bytes in network order.
  init?(octets: Bytes) {
    guard let base = unsafe octets.base else { return nil }
    self.init(unsafe Span(_unsafeStart: base, count: octets.count))
  }
}
