import COpenSSL

/// The first message of a client (RFC 8446 section 4.1.2).
///
/// OpenSSL accepts a message of 128 KiB, and keeps parts of it as long as the session: ALPN protocols, groups,
/// signature algorithms. Messages of ordinary clients are far below this limit.
enum ClientHello {
  /// The maximum size of the message, in bytes.
  static let limit = 16_384

  /// Makes sessions of a context fail if the message is larger.
  static func limit(_ context: OpaquePointer) { unsafe SSL_CTX_set_client_hello_cb(context, judgeSize, nil) }

  /// The size of the message, callable from OpenSSL's callback.
  fileprivate static func size(_ ssl: OpaquePointer) -> Int {
    var part: UnsafePointer<UInt8>?
    // Version, random value, and the lengths of the variable parts.
    var size = 2 + 32 + 1 + 2 + 1 + 2
    size += unsafe SSL_client_hello_get0_session_id(ssl, &part)
    size += unsafe SSL_client_hello_get0_ciphers(ssl, &part)
    size += unsafe SSL_client_hello_get0_compression_methods(ssl, &part)
    var kinds: UnsafeMutablePointer<CInt>?
    var count = 0
    guard unsafe SSL_client_hello_get1_extensions_present(ssl, &kinds, &count) == 1 else { return .max }
    defer { unsafe outrider_OPENSSL_free(kinds) }
    for index in 0..<count {
      var bytes = 0
      guard let kinds = unsafe kinds,
        unsafe SSL_client_hello_get0_ext(ssl, UInt32(bitPattern: kinds[index]), &part, &bytes) == 1
      else { return .max }
      size += 4 + bytes
    }
    return size
  }
}

private let judgeSize: SSL_client_hello_cb_fn = { ssl, alert, _ in
  guard let ssl = unsafe ssl else { return SSL_CLIENT_HELLO_ERROR }
  if unsafe ClientHello.size(ssl) <= ClientHello.limit { return SSL_CLIENT_HELLO_SUCCESS }
  unsafe alert?.pointee = SSL_AD_HANDSHAKE_FAILURE
  // The log shows the first error.
  outrider_ERR_raise(ERR_LIB_SSL, SSL_R_EXCESSIVE_MESSAGE_SIZE)
  return SSL_CLIENT_HELLO_ERROR
}
