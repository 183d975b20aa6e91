import Platform
import PluginHost
import TLS

extension Connection {
  /// Guards the descriptions: streams of one connection have several handlers, each on a thread of its own.
  private static let monitor = Monitor()

  /// [loop, request-thread] What plugins see of the connection's TLS; nil for cleartext. Made at the first request,
  /// valid until the connection's end.
  var tlsDescription: TLSDescription? {
    Connection.monitor.lock()
    defer { Connection.monitor.unlock() }
    if let made = record.tlsDescription { return made }
    guard let facts = record.tls?.facts else { return nil }
    let description = TLSDescription(
      version: facts.version, cipher: facts.cipher, serverName: facts.serverName, protocolName: facts.protocolName,
      isResumed: facts.isResumed, subject: facts.subject, fingerprint: facts.fingerprint,
      certificates: facts.certificates, names: facts.names.map { ($0.kind, $0.value) })
    record.tlsDescription = description
    return description
  }
}
