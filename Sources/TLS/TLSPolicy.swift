import COpenSSL

/// What holds for every session: versions, options, tickets.
enum TLSPolicy {
  /// How long a ticket is valid, in seconds, and a session after its full handshake. The keys that open it are kept as long.
  static let ticketLifetime = 2 * 60 * 60

  static func apply(_ options: TLSOptions, to context: OpaquePointer) {
    unsafe SSL_CTX_set_options(
      context,
      outrider_SSL_OP_NO_RENEGOTIATION | outrider_SSL_OP_NO_COMPRESSION | outrider_SSL_OP_CIPHER_SERVER_PREFERENCE
        | outrider_SSL_OP_PRIORITIZE_CHACHA | outrider_SSL_OP_ENABLE_KTLS
        // An end without close_notify is an end: HTTP knows by its own framing what is whole, and the client may read on.
        | outrider_SSL_OP_IGNORE_UNEXPECTED_EOF)
    unsafe outrider_SSL_CTX_set_mode(
      context,
      CLong(
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
    // One read for a whole record, not one for its header and one for the rest.
    unsafe outrider_SSL_CTX_set_read_ahead(context, 1)
    unsafe outrider_SSL_CTX_set_min_proto_version(
      context, options.minimum == .tls13 ? TLS1_3_VERSION : TLS1_2_VERSION)
    // Sessions live in tickets alone, which every worker can open.
    unsafe outrider_SSL_CTX_set_session_cache_mode(context, CLong(SSL_SESS_CACHE_OFF))
    unsafe SSL_CTX_set_timeout(context, ticketLifetime)
  }

  static func applyCiphers(_ options: TLSOptions, to context: OpaquePointer) -> [TLSFault] {
    if options.ciphers.isEmpty { return [] }
    ERR_clear_error()
    if unsafe SSL_CTX_set_cipher_list(context, options.ciphers) == 1 { return [] }
    return [TLSFault(part: .ciphers, message: "names no cipher that OpenSSL has: \(OpenSSLError.take())")]
  }
}
