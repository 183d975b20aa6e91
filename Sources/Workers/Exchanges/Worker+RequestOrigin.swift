import HTTP
import Platform
import PluginHost

// Facts about a request's client other than its address: its TLS, and the request's id.

extension Worker {
  /// The client's TLS, with the proxy if a proxy has reported it, else with this server.
  @inline(never)
  func describeTLS(of connection: Connection, to exchange: Exchange) {
    if connection.record.tls != nil { exchange.setTLS(subject: connection.tlsSubject) }
    let told = connection.record.flags.intersection([.toldSecure, .toldInsecure])
    guard !told.isEmpty else { return }
    exchange.setTLS(
      behindProxy: told.contains(.toldSecure), subject: record.table.subject(connection))
  }

  /// The id that a trusted peer gave the request, or a new one.
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
}
