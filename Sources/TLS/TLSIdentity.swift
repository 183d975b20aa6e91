import COpenSSL
import Platform

/// Putting a certificate with its chain and its key into a context.
enum TLSIdentity {
  /// All that is wrong with the two files.
  static func install(
    _ identity: TLSOptions.Identity, _ index: Int, of options: TLSOptions, in context: OpaquePointer,
    _ warnings: inout [TLSFault]
  ) -> [TLSFault] {
    var faults: [TLSFault] = []
    var hasCertificate = false
    do throws(UnusableFile) {
      for warning in try unsafe installChain(identity.certificate, options.user, in: context) {
        warnings.append(TLSFault(part: .certificate(index), message: warning))
      }
      hasCertificate = true
    } catch {
      faults.append(TLSFault(part: .certificate(index), message: error.message))
    }
    do throws(UnusableFile) {
      let key = try unsafe PEMFile(path: identity.key, user: options.user).privateKey()
      defer { unsafe EVP_PKEY_free(key) }
      if hasCertificate { try unsafe install(key, identity, in: context) }
    } catch {
      faults.append(TLSFault(part: .key(index), message: error.message))
    }
    return faults
  }

  /// The first certificate is the server's, the others lead to an authority; what is odd about the first.
  private static func installChain(
    _ path: String, _ user: ServiceUser?, in context: OpaquePointer
  ) throws(UnusableFile) -> [String] {
    var isFirst = true
    var warnings: [String] = []
    let file = try PEMFile(path: path, user: user)
    _ = try unsafe file.forEachCertificate { (certificate: OpaquePointer) throws(UnusableFile) in
      ERR_clear_error()
      let result =
        isFirst
        ? unsafe SSL_CTX_use_certificate(context, certificate)
        : unsafe outrider_SSL_CTX_add1_chain_cert(context, certificate)
      guard result == 1 else { throw UnusableFile(message: "\(path): \(OpenSSLError.take())") }
      if let warning = unsafe Validity.warning(of: certificate) { warnings.append("\(path): \(warning)") }
      isFirst = false
    }
    return warnings
  }

  private static func install(
    _ key: OpaquePointer, _ identity: TLSOptions.Identity, in context: OpaquePointer
  ) throws(UnusableFile) {
    ERR_clear_error()
    guard unsafe X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1 else {
      ERR_clear_error()
      throw UnusableFile(message: "\(identity.key): not the key of the certificate in \(identity.certificate)")
    }
    guard unsafe SSL_CTX_use_PrivateKey(context, key) == 1 else {
      throw UnusableFile(message: "\(identity.key): \(OpenSSLError.take())")
    }
  }
}

/// Whether a certificate is good today.
enum Validity {
  /// What is wrong with its time, or nil.
  static func warning(of certificate: OpaquePointer) -> String? {
    let (begin, end) = unsafe (X509_get0_notBefore(certificate), X509_get0_notAfter(certificate))
    if unsafe X509_cmp_current_time(end) < 0 {
      return "a certificate has expired on \(unsafe text(of: end)): clients will refuse it"
    }
    if unsafe X509_cmp_current_time(begin) > 0 {
      return "a certificate is not valid before \(unsafe text(of: begin)): clients will refuse it"
    }
    return nil
  }

  private static func text(of time: UnsafePointer<ASN1_TIME>?) -> String {
    guard let output = unsafe BIO_new(BIO_s_mem()) else { return "?" }
    defer { unsafe BIO_free(output) }
    var bytes: UnsafeMutablePointer<CChar>?
    guard unsafe ASN1_TIME_print(output, time) == 1 else { return "?" }
    let count = unsafe outrider_BIO_get_mem_data(output, &bytes)
    return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }
}
