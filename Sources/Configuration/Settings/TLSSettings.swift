/// What clients of a listener may agree on by ALPN. One that is not listed here is not offered.
package enum ApplicationProtocol: String, Sendable, CaseIterable {
  case http2 = "h2"
  case http1 = "http/1.1"
}

/// A `[listener.tls]`.
package struct TLSSettings: Sendable, Equatable {
  /// Resolved, as all paths here; empty: the listener is in cleartext.
  package var certificate = ""
  package var key = ""
  /// Empty for none.
  package var clientCA = ""
  package var clientAuth = ClientAuth.none
  package var minVersion = TLSVersion.tls12
  /// Of TLS 1.2; empty for the library's default.
  package var ciphers = ""
  /// Further certificates; no name stands twice.
  package var sni: [ServerNameSettings] = []

  package var isEnabled: Bool { !certificate.isEmpty }
}

/// A `[[listener.tls.sni]]`.
package struct ServerNameSettings: Sendable, Equatable {
  /// In lower case.
  package var names: [String] = []
  package var certificate = ""
  package var key = ""
}

/// Whether clients have to show a certificate.
package enum ClientAuth: String, Sendable, CaseIterable {
  case none
  case optional
  case required
}

package enum TLSVersion: String, Sendable, CaseIterable {
  case tls12 = "1.2"
  case tls13 = "1.3"
}

extension TLSSettings {
  static func checkCertificatePath(_ path: String) throws(Refusal) { try PluginSettings.checkPath(path) }

  /// Empty is none.
  static func checkOptionalPath(_ path: String) throws(Refusal) {
    if !path.isEmpty { try PluginSettings.checkPath(path) }
  }
}

extension ServerNameSettings {
  /// A host name, or `*.` and the domain of all names with one label more.
  static func checkName(_ name: String) throws(Refusal) {
    let expected = Refusal(
      reason: "expected a host name such as \"example.org\" or \"*.example.org\", found \(QuotedText.shown(name))")
    let host = name.hasPrefix("*.") ? name.dropFirst(2) : name[...]
    guard !host.isEmpty, name.utf8.count <= 253, host.utf8.allSatisfy(isOfHost) else { throw expected }
    for label in host.split(separator: ".", omittingEmptySubsequences: false) {
      guard (1...63).contains(label.utf8.count), label.first != "-", label.last != "-" else { throw expected }
    }
  }

  private static func isOfHost(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
