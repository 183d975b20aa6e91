// The extensions after the addresses of a version 2 header: types, lengths and values (proxy-protocol.txt, section
// 2.2).

extension ProxyHeader {
  /// What the proxy reports about TLS between the client and itself (PP2_TYPE_SSL).
  package struct TLS {
    /// The client uses TLS.
    package let isUsed: Bool
    /// The common name of the client's certificate, if the proxy has verified one; else empty.
    package let commonName: Bytes
  }

  private static let tlsType: UInt8 = 0x20
  private static let commonNameType: UInt8 = 0x22
  /// Bits of the client flags: it uses TLS; it has shown a certificate on this connection, or in the session that the
  /// connection resumes.
  private static let usesTLS: UInt8 = 1
  private static let showedCertificate: UInt8 = 2 | 4

  /// - Parameter extensions: all extensions; an incomplete one ends them.
  static func readTLS(in extensions: Bytes) -> TLS? {
    var rest = Extensions(extensions)
    while let (type, value) = rest.next() {
      // The flags, and four bytes with the result of the verification: 0 means success.
      guard type == tlsType, value.count >= 5 else { continue }
      let isUsed = value[0] & usesTLS != 0
      let isVerified = isUsed && value[0] & showedCertificate != 0 && (1..<5).allSatisfy { value[$0] == 0 }
      guard isVerified else { return TLS(isUsed: isUsed, commonName: .empty) }
      var details = Extensions(value.dropFirst(5))
      while let (type, value) = details.next() {
        if type == commonNameType { return TLS(isUsed: isUsed, commonName: value) }
      }
      return TLS(isUsed: isUsed, commonName: .empty)
    }
    return nil
  }

  private struct Extensions {
    private var rest: Bytes

    init(_ bytes: Bytes) { rest = bytes }

    mutating func next() -> (type: UInt8, value: Bytes)? {
      guard rest.count >= 3 else { return nil }
      let (type, end) = (rest[0], 3 + (Int(rest[1]) << 8 | Int(rest[2])))
      guard end <= rest.count else { return nil }
      let value = rest.slice(3, end)
      rest = rest.dropFirst(end)
      return (type, value)
    }
  }
}
