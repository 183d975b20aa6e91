/// The protocols that clients of a listener may select by ALPN. Others are not offered.
package enum ApplicationProtocol: String, Sendable, CaseIterable {
  case http2 = "h2"
  case http1 = "http/1.1"
}

/// A `[listener.tls]` table.
package struct TLSSettings: Sendable, Equatable {
  /// A resolved path, like all paths here; empty for a cleartext listener.
  package var certificate = ""
  package var key = ""
  /// Empty for none.
  package var clientCA = ""
  package var clientAuth = ClientAuth.none
  package var minVersion = TLSVersion.tls12
  /// For TLS 1.2; empty for the library's default.
  package var ciphers = ""
  /// Additional certificates; no name occurs twice.
  package var sni: [ServerNameSettings] = []

  package var isEnabled: Bool { !certificate.isEmpty }
}

/// A `[[listener.tls.sni]]` table.
package struct ServerNameSettings: Sendable, Equatable {
  /// In lower case.
  package var names: [String] = []
  package var certificate = ""
  package var key = ""
}

/// Whether clients have to send a certificate.
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
  static func checkCertificatePath(_ path: String) throws(ValueSyntaxError) { try PluginSettings.checkPath(path) }

  /// Accepts an empty path for none.
  static func checkOptionalPath(_ path: String) throws(ValueSyntaxError) {
    if !path.isEmpty { try PluginSettings.checkPath(path) }
  }
}

extension ServerNameSettings {
  /// Accepts a host name, or `*.` and a domain, which matches names with one more label.
  static func checkName(_ name: String) throws(ValueSyntaxError) {
    let expected = ValueSyntaxError(
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
