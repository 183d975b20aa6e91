import COpenSSL

/// The policy for all sessions: versions, options, tickets.
enum TLSPolicy {
  /// The lifetime of a ticket, and of a session after its full handshake, in seconds. Its keys are kept as long.
  static let ticketLifetime = 2 * 60 * 60

  static func apply(_ options: TLSOptions, to context: OpaquePointer) {
    unsafe SSL_CTX_set_options(
      context,
      outrider_SSL_OP_NO_RENEGOTIATION | outrider_SSL_OP_NO_COMPRESSION | outrider_SSL_OP_CIPHER_SERVER_PREFERENCE
        | outrider_SSL_OP_PRIORITIZE_CHACHA | outrider_SSL_OP_ENABLE_KTLS
        // An end without close_notify is accepted: HTTP has its own framing to detect truncation, and the client may
        // still read.
        | outrider_SSL_OP_IGNORE_UNEXPECTED_EOF)
    unsafe outrider_SSL_CTX_set_mode(
      context,
      CLong(
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
    // Reads a whole record in one system call, not its header and its content in two.
    unsafe outrider_SSL_CTX_set_read_ahead(context, 1)
    unsafe outrider_SSL_CTX_set_min_proto_version(
      context, options.minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION)
    // Sessions are stored only in tickets, which every worker can decrypt.
    unsafe outrider_SSL_CTX_set_session_cache_mode(context, CLong(SSL_SESS_CACHE_OFF))
    unsafe SSL_CTX_set_timeout(context, ticketLifetime)
  }

  static func applyCiphers(_ options: TLSOptions, to context: OpaquePointer) -> [TLSDiagnostic] {
    if options.ciphers.isEmpty { return [] }
    ERR_clear_error()
    if unsafe SSL_CTX_set_cipher_list(context, options.ciphers) == 1 { return [] }
    return [TLSDiagnostic(part: .ciphers, message: "names no cipher that OpenSSL has: \(OpenSSLError.take())")]
  }

  /// Whether HTTP/2 is allowed with the cipher of a handshake. It requires forward secrecy and authenticated encryption
  /// (RFC 9113 section 9.2.2), which all ciphers of TLS 1.3 have.
  static func allowsHTTP2(_ ssl: OpaquePointer) -> Bool {
    guard let cipher = unsafe SSL_get_pending_cipher(ssl) else { return true }
    let exchange = unsafe SSL_CIPHER_get_kx_nid(cipher)
    let isEphemeral = exchange == NID_kx_any || exchange == NID_kx_ecdhe || exchange == NID_kx_dhe
    return unsafe isEphemeral && SSL_CIPHER_is_aead(cipher) == 1
  }
}
