import Platform

/// What a listener's TLS is to be.
package struct TLSOptions: Sendable {
  /// A certificate with the names it is for.
  package struct Identity: Sendable {
    /// Lower-case host names, or `*.` and a domain; none for the certificate of all other names.
    package let names: [String]
    /// A file: the certificate and the chain behind it, PEM.
    package let certificate: String
    /// A file: the private key, PEM.
    package let key: String

    package init(names: [String] = [], certificate: String, key: String) {
      self.names = names
      self.certificate = certificate
      self.key = key
    }
  }

  /// Whether a client shows a certificate; one that it shows must verify.
  package enum ClientAuth: UInt8, Sendable { case none, optional, required }

  package enum Version: Sendable { case tls12, tls13 }

  /// The first is for clients that name no other's host, or none.
  package var identities: [Identity]
  /// A file with the authorities of client certificates, PEM; empty for none.
  package var clientCA = ""
  package var clientAuth = ClientAuth.none
  package var minimum = Version.tls12
  /// Of TLS 1.2, as OpenSSL writes them; empty for the library's default.
  package var ciphers = ""
  /// What is agreed on by ALPN, best first.
  package var protocols: [String] = []
  /// The user that the processes with the keys become, where root reads them; see `Folder`.
  package var user: ServiceUser?

  package init(identities: [Identity]) { self.identities = identities }
}

/// What a fault or a warning is about.
package enum TLSPart: Sendable, Equatable {
  /// Of the identity with this index.
  case certificate(Int)
  case key(Int)
  case clientCA
  case ciphers
  /// None of them: the library itself.
  case library
}

/// One thing wrong with the options, or with the files they name.
package struct TLSFault: Sendable, Equatable {
  package let part: TLSPart
  /// What is wrong, and with which file.
  package let message: String
}

/// All that is wrong; never empty.
package struct TLSFaults: Error {
  package let faults: [TLSFault]
}
