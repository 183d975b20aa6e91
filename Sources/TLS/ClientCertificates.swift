import COpenSSL

/// The verification of client certificates.
enum ClientCertificates {
  /// Makes the context request client certificates according to the options. Returns what is wrong with the
  /// authorities' file.
  static func require(_ options: TLSOptions, of context: OpaquePointer) -> [TLSDiagnostic] {
    // A session may be resumed only under the rules that its client's certificate was verified by.
    var bound = [options.clientAuth.rawValue]
    defer { unsafe bind(context, to: bound) }
    guard options.clientAuth != .none else { return [] }
    do throws(PEMFileError) {
      let file = try PEMFile(path: options.clientCA, user: options.user)
      bound += file.contents
      let store = unsafe SSL_CTX_get_cert_store(context)
      _ = try unsafe file.forEachCertificate { (authority: OpaquePointer) throws(PEMFileError) in
        ERR_clear_error()
        guard unsafe X509_STORE_add_cert(store, authority) == 1, unsafe SSL_CTX_add_client_CA(context, authority) == 1
        else { throw PEMFileError(message: "\(file.path): \(OpenSSLError.take())") }
      }
    } catch {
      return [TLSDiagnostic(part: .clientCA, message: error.message)]
    }
    let mode = options.clientAuth == .required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
    unsafe SSL_CTX_set_verify(context, mode, nil)
    return []
  }

  /// Binds tickets to these rules: tickets made under other rules are rejected, as RFC 8446 section 4.6.1 allows.
  private static func bind(_ context: OpaquePointer, to bytes: [UInt8]) {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    unsafe EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil)
    unsafe SSL_CTX_set_session_id_context(context, digest, min(count, UInt32(SSL_MAX_SID_CTX_LENGTH)))
  }
}
