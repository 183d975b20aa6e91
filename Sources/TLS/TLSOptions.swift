import Platform

/// The TLS options of a listener.
package struct TLSOptions: Sendable {
  /// A certificate with the names that it is for.
  package struct Identity: Sendable {
    /// Lower-case host names, or `*.` and a domain; empty for the certificate of all other names.
    package let names: [String]
    /// The path of a PEM file with the certificate, followed by its chain.
    package let certificate: String
    /// The path of a PEM file with the private key.
    package let key: String

    package init(names: [String] = [], certificate: String, key: String) {
      self.names = names
      self.certificate = certificate
      self.key = key
    }
  }

  /// Whether a client has to send a certificate. A certificate that it sends must be valid.
  package enum ClientAuth: UInt8, Sendable { case none, optional, required }

  package enum Version: Sendable { case tls12, tls13 }

  /// The first identity is for clients that send no server name, or one without an identity.
  package var identities: [Identity]
  /// The path of a PEM file with the authorities of client certificates; empty for none.
  package var clientCA = ""
  package var clientAuth = ClientAuth.none
  package var minimum = Version.tls12
  /// The ciphers of TLS 1.2 in OpenSSL's notation; empty for the library's default.
  package var ciphers = ""
  /// The protocols for ALPN, best first.
  package var protocols: [String] = []
  /// The user that the processes with the keys switch to, if root reads the files; see `Folder`.
  package var user: ServiceUser?

  package init(identities: [Identity]) { self.identities = identities }
}

/// The subject of a diagnostic or a warning.
package enum TLSPart: Sendable, Equatable {
  /// The certificate of the identity with this index.
  case certificate(Int)
  case key(Int)
  case clientCA
  case ciphers
  /// The library itself.
  case library
}

/// One error in the options, or in the files that they name.
package struct TLSDiagnostic: Sendable, Equatable {
  package let part: TLSPart
  /// The error, and the file that it is in.
  package let message: String
}

/// All errors; never empty.
package struct TLSContextError: Error {
  package let diagnostics: [TLSDiagnostic]
}
