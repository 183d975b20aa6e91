import COpenSSL
import Glibc

/// Facts about a session after its handshake, for plugins. They do not change afterwards.
package struct TLSFacts: Sendable {
  /// An alternative name of a certificate's subject (RFC 5280 section 4.2.1.6).
  package struct Name: Sendable {
    package let kind: StaticString
    package let value: [UInt8]
  }

  /// "TLSv1.3".
  package let version: [UInt8]
  /// IANA's name.
  package let cipher: [UInt8]
  /// The server name that the client asked for; else empty.
  package let serverName: [UInt8]
  /// The protocol that was selected by ALPN; else empty.
  package let protocolName: [UInt8]
  package let isResumed: Bool
  package let subject: [UInt8]
  /// The client's certificates in DER, its own first. A resumed session has only that one.
  package let certificates: [[UInt8]]
  /// The SHA-256 of the first certificate, in hexadecimal digits.
  package let fingerprint: [UInt8]
  package let names: [Name]
}

extension TLSSession {
  /// Reads the results of the handshake. No later step changes them, so another thread may read or write meanwhile.
  package var facts: TLSFacts {
    let certificate = unsafe SSL_get_verify_result(ssl) == X509_V_OK ? SSL_get0_peer_certificate(ssl) : nil
    let cipher = unsafe SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl))
    return TLSFacts(
      version: unsafe Self.bytes(SSL_get_version(ssl)), cipher: unsafe Self.bytes(cipher),
      serverName: unsafe Self.bytes(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)), protocolName: protocolName,
      isResumed: unsafe SSL_session_reused(ssl) == 1, subject: unsafe Array(subject),
      certificates: unsafe certificates(certificate), fingerprint: unsafe Self.fingerprint(certificate),
      names: unsafe Self.names(certificate))
  }

  private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
    guard let text = unsafe text else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
  }

  private var protocolName: [UInt8] {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &name, &count)
    guard let name = unsafe name else { return [] }
    return unsafe Array(UnsafeBufferPointer(start: name, count: Int(count)))
  }

  private func certificates(_ own: OpaquePointer?) -> [[UInt8]] {
    guard let own = unsafe own else { return [] }
    // On the server side this chain does not include the client's own certificate.
    let others = unsafe SSL_get_peer_cert_chain(ssl)
    let count = unsafe others == nil ? 0 : max(0, outrider_sk_X509_num(others))
    return unsafe [Self.encoding(own)] + (0..<count).map { unsafe Self.encoding(outrider_sk_X509_value(others, $0)) }
  }

  private static func encoding(_ certificate: OpaquePointer?) -> [UInt8] {
    let count = unsafe i2d_X509(certificate, nil)
    guard count > 0 else { return [] }
    return unsafe [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
      var next = buffer.baseAddress
      filled = Int(max(0, unsafe i2d_X509(certificate, &next)))
    }
  }

  private static func fingerprint(_ certificate: OpaquePointer?) -> [UInt8] {
    guard let certificate = unsafe certificate else { return [] }
    var count: UInt32 = 0
    let digest = unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, filled in
      filled = unsafe X509_digest(certificate, EVP_sha256(), buffer.baseAddress, &count) == 1 ? Int(count) : 0
    }
    let digits = Array("0123456789abcdef".utf8)
    return digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  private static func names(_ certificate: OpaquePointer?) -> [TLSFacts.Name] {
    guard let certificate = unsafe certificate, let all = unsafe outrider_X509_alternative_names(certificate) else {
      return []
    }
    defer { unsafe GENERAL_NAMES_free(all) }
    return (0..<max(0, unsafe outrider_sk_GENERAL_NAME_num(all))).compactMap { unsafe name(all, $0) }
  }

  private static func name(_ all: OpaquePointer, _ index: CInt) -> TLSFacts.Name? {
    var kind: CInt = 0
    var count: CInt = 0
    guard let data = unsafe outrider_sk_GENERAL_NAME_value(all, index, &kind, &count) else { return nil }
    let value = unsafe Array(UnsafeBufferPointer(start: data, count: Int(count)))
    switch kind {
    case GEN_DNS: return TLSFacts.Name(kind: "dns", value: value)
    case GEN_EMAIL: return TLSFacts.Name(kind: "email", value: value)
    case GEN_URI: return TLSFacts.Name(kind: "uri", value: value)
    case GEN_IPADD: return address(value).map { TLSFacts.Name(kind: "ip", value: $0) }
    default: return nil
    }
  }

  /// An address as text.
  private static func address(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
      let family = bytes.count == 4 ? AF_INET : AF_INET6
      guard unsafe inet_ntop(family, bytes, text.baseAddress, socklen_t(text.count)) != nil else { return nil }
      return unsafe Self.bytes(text.baseAddress)
    }
  }
}
