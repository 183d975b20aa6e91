import TLS
import Testing

@Suite struct ContextTests {
  /// One diagnostic for each part, not only the first: an operator mends all in one go.
  @Test func everyFaultIsTold() {
    var options = TLSOptions(identities: [
      .init(certificate: "/none/a.crt", key: "/none/a.key"),
      .init(names: ["b.example"], certificate: "/dev/null", key: "/dev/null"),
    ])
    options.ciphers = "NONE"
    options.clientAuth = .required
    options.clientCA = "/none/clients.pem"
    #expect {
      _ = try TLSContext(options)
    } throws: { error in
      let parts = (error as? TLSContextError)?.diagnostics.map(\.part) ?? []
      return parts == [.certificate(0), .key(0), .clientCA, .ciphers, .certificate(1), .key(1)]
    }
  }
}
