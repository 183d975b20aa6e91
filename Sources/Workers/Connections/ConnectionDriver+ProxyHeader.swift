import Configuration
import HTTP
import Platform
import PluginHost

// The PROXY header of a connection, and whether the peer and the client that it names are trusted. Forwarding fields
// are in Worker+Forwarding.swift.

extension ConnectionDriver {
  // MARK: Connections

  /// Notes whether a new connection's peer is trusted; false if the connection is refused.
  func applyPeerPolicy(_ peer: Peer) -> Bool {
    if isTrusted(peer) { connection.record.flags.insert(.trusted) }
    if worker.record.settings.priorKnowledge[Int(connection.record.listener)] {
      connection.record.flags.insert(.mayBeHTTP2)
    }
    guard worker.record.settings.proxyHeaders[Int(connection.record.listener)] != nil else { return true }
    connection.move(.proxyHeaderAwaited)
    guard connection.record.flags.contains(.trusted) else {
      refuse(.untrustedProxy)
      return false
    }
    return true
  }

  private func isTrusted(_ peer: Peer) -> Bool {
    switch peer.family {
    case .ipv4: worker.record.settings.trusted.contains(IPAddress(ipv4: peer.address))
    case .ipv6: worker.record.settings.trusted.contains(IPAddress(ipv6: peer.address))
    case .unix: worker.record.settings.trusted.includesUnixPeers
    }
  }

  /// Closes without a response: there is no request to answer.
  func refuse(_ refusal: Refusal) {
    worker.note(refusal, connection)
    close()
  }

  @inline(never)
  func readProxyHeader() -> Bool {
    guard let accepted = worker.record.settings.proxyHeaders[Int(connection.record.listener)] else { return false }
    if worker.record.tls[Int(connection.record.listener)] != nil { return peekProxyHeader(accepted) }
    if connection.record.input?.unreadCount ?? 0 == 0 {
      switch connection.receive(into: http1.inputWithRoom()) {
      case .bytes: break
      case .none: return connection.record.flags.contains(.broken)
      case .endOfFile:
        close()
        return true
      }
    }
    guard let input = connection.record.input else { return false }
    let bytes = unsafe Bytes(base: UnsafePointer(input.unread), count: input.unreadCount)
    switch ProxyHeader.parse(bytes, accepted) {
    case .incomplete:
      switch connection.receive(into: http1.inputWithRoom()) {
      case .bytes: return true
      case .none: return connection.record.flags.contains(.broken)
      case .endOfFile:
        refuse(.malformedProxyHeader)
        return true
      }
    case .refused(let refusal):
      refuse(refusal)
      return true
    case .complete(let length, let client, let tls):
      input.record.start += length
      connection.move(.proxyHeaderRead)
      take(client, tls)
      return true
    }
  }

  /// Applies the content of a PROXY header.
  func take(_ client: ProxyHeader.Client, _ tls: ProxyHeader.TLS?) {
    if let tls { take(tls) }
    connection.record.flags.insert(.proxied)
    switch client {
    case .proxy: break
    // The client is unknown, but it is not the proxy: its forwarding fields are not trusted.
    case .unknown: connection.record.flags.remove(.trusted)
    case .known(let route): if !adopt(route) { refuse(.malformedProxyHeader) }
    }
  }

  /// Applies the TLS part of a PROXY header. Only trusted peers get here, so it is believed for every client.
  private func take(_ tls: ProxyHeader.TLS) {
    connection.record.flags.formUnion([.secure, tls.isUsed ? .toldSecure : .toldInsecure])
    guard !tls.commonName.isEmpty else { return }
    worker.record.table.setSubject(connection, DistinguishedName.text(commonName: tls.commonName))
  }

  /// Takes the client's address from the header, and decides anew whether the client is trusted.
  private func adopt(_ route: ProxyHeader.Route) -> Bool {
    let address: IPAddress?
    switch route.source {
    case .text(let text): address = IPAddress(text.escaped())
    case .raw(let octets): address = IPAddress(octets: octets)
    }
    guard let address else { return false }
    worker.record.table.setClient(connection, host: address.description, port: route.sourcePort)
    if !worker.record.settings.trusted.contains(address) { connection.record.flags.remove(.trusted) }
    return true
  }
}

extension IPAddress {
  /// From 4 or 16 bytes in network order.
  init?(octets: Bytes) {
    guard let base = unsafe octets.base else { return nil }
    self.init(unsafe Span(_unsafeStart: base, count: octets.count))
  }
}
