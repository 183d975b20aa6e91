import Configuration
import HTTP
import Platform
import PluginHost

extension Worker {
  /// Takes client, scheme and host from a trusted proxy's fields. Ignored fields are counted, and logged at a limited
  /// rate.
  @inline(never)
  func applyForwarding(_ fields: Fields, of request: Request, to exchange: Exchange) {
    var ignored: [Forwarding.Ignored] = []
    let told = Forwarding(trusted: record.settings.trusted, fields: record.settings.trustedFields).read(
      fields, &ignored)
    for one in ignored { noteIgnored(one, request.record.connection) }
    if let client = told.client {
      exchange.client = RequestEndpoint(address: unmapped(client.address, request), port: client.port)
    }
    if let scheme = told.scheme { exchange.scheme = scheme.name }
    if let host = told.host { exchange.authority = host }
  }

  /// Plugins and logs see an IPv4-mapped IPv6 address as an IPv4 address, in whatever form it is written.
  private func unmapped(_ address: Bytes, _ request: Request) -> Bytes {
    guard address.firstIndex(of: ASCII.colon) != nil, let parsed = IPAddress(address.escaped(limit: 46)), parsed.isIPv4
    else { return address }
    return request.record.storage.clientAddress(parsed.description)
  }

  private func noteIgnored(_ ignored: Forwarding.Ignored, _ connection: Connection) {
    record.slot.add(.proxyFieldsIgnored)
    log(
      limited: .forwarding,
      "\(ignored.field) of the trusted proxy \(peer(of: connection)) is ignored: \(ignored); see proxy.fields")
  }
}
