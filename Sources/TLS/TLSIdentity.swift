import COpenSSL
import Platform

/// Installs a certificate with its chain and its key in a context.
enum TLSIdentity {
  /// Returns everything that is wrong with the two files.
  static func install(
    _ identity: TLSOptions.Identity, _ index: Int, of options: TLSOptions, in context: OpaquePointer,
    _ warnings: inout [TLSDiagnostic]
  ) -> [TLSDiagnostic] {
    var diagnostics: [TLSDiagnostic] = []
    var hasCertificate = false
    do throws(PEMFileError) {
      for warning in try unsafe installChain(identity.certificate, options.user, in: context) {
        warnings.append(TLSDiagnostic(part: .certificate(index), message: warning))
      }
      hasCertificate = true
    } catch {
      diagnostics.append(TLSDiagnostic(part: .certificate(index), message: error.message))
    }
    do throws(PEMFileError) {
      let key = try unsafe PEMFile(path: identity.key, user: options.user).privateKey()
      defer { unsafe EVP_PKEY_free(key) }
      if hasCertificate { try unsafe install(key, identity, in: context) }
    } catch {
      diagnostics.append(TLSDiagnostic(part: .key(index), message: error.message))
    }
    return diagnostics
  }

  /// Installs the server's certificate and, from the following blocks, its chain. Returns a warning about the
  /// certificate.
  private static func installChain(
    _ path: String, _ user: ServiceUser?, in context: OpaquePointer
  ) throws(PEMFileError) -> [String] {
    var isFirst = true
    var warnings: [String] = []
    let file = try PEMFile(path: path, user: user)
    _ = try unsafe file.forEachCertificate { (certificate: OpaquePointer) throws(PEMFileError) in
      ERR_clear_error()
      let result =
        isFirst
        ? unsafe SSL_CTX_use_certificate(context, certificate)
        : unsafe outrider_SSL_CTX_add1_chain_cert(context, certificate)
      guard result == 1 else { throw PEMFileError(message: "\(path): \(OpenSSLError.take())") }
      if let warning = unsafe Validity.warning(of: certificate) { warnings.append("\(path): \(warning)") }
      isFirst = false
    }
    return warnings
  }

  private static func install(
    _ key: OpaquePointer, _ identity: TLSOptions.Identity, in context: OpaquePointer
  ) throws(PEMFileError) {
    ERR_clear_error()
    guard unsafe X509_check_private_key(SSL_CTX_get0_certificate(context), key) == 1 else {
      ERR_clear_error()
      throw PEMFileError(message: "\(identity.key): not the key of the certificate in \(identity.certificate)")
    }
    guard unsafe SSL_CTX_use_PrivateKey(context, key) == 1 else {
      throw PEMFileError(message: "\(identity.key): \(OpenSSLError.take())")
    }
  }
}

/// Whether a certificate is currently valid.
enum Validity {
  /// What is wrong with its validity period, or nil.
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
