import COpenSSL
import Glibc

/// The time until which a session may be resumed.
///
/// A resumption checks no certificate, and its client gets a new ticket. So a session has an end, which its tickets
/// contain: the lifetime of a ticket after the full handshake, or the end of the client's certificate if that is
/// earlier. After it the client needs a full handshake.
enum Resumption {
  /// Makes the tickets of a context contain the end of their session, and rejects them after it.
  static func limit(_ context: OpaquePointer) {
    unsafe SSL_CTX_set_session_ticket_cb(context, writeEnd, judgeEnd, nil)
  }

  /// The end that a session's ticket contains, in seconds since the epoch; nil if it contains none.
  fileprivate static func end(of session: OpaquePointer) -> Int? {
    var bytes: UnsafeMutableRawPointer?
    var count = 0
    guard unsafe SSL_SESSION_get0_ticket_appdata(session, &bytes, &count) == 1, count == MemoryLayout<Int>.size
    else { return nil }
    return unsafe bytes?.loadUnaligned(as: Int.self)
  }

  /// The end of a session whose full handshake has just completed.
  fileprivate static func firstEnd(of session: OpaquePointer, _ now: Int) -> Int {
    let lifetime = TLSPolicy.ticketLifetime
    guard let certificate = unsafe SSL_SESSION_get0_peer(session) else { return now + lifetime }
    var days: CInt = 0
    var seconds: CInt = 0
    guard unsafe ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else { return now }
    return now + min(lifetime, Int(days) * 86_400 + Int(seconds))
  }
}

/// Called before a ticket is encrypted.
private let writeEnd: SSL_CTX_generate_session_ticket_fn = { ssl, _ in
  guard let session = unsafe SSL_get_session(ssl) else { return 0 }
  let known = unsafe SSL_session_reused(ssl) == 1 ? Resumption.end(of: session) : nil
  var end = unsafe known ?? Resumption.firstEnd(of: session, time(nil))
  // The lifetime that the client is told, and that OpenSSL checks, counts from the ticket's own time.
  unsafe SSL_SESSION_set_timeout(session, max(0, end - SSL_SESSION_get_time(session)))
  return unsafe SSL_SESSION_set1_ticket_appdata(session, &end, MemoryLayout<Int>.size)
}

/// Called after a ticket has been decrypted, or could not be.
private let judgeEnd: SSL_CTX_decrypt_session_ticket_fn = { _, session, _, _, status, _ in
  guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW, let session = unsafe session,
    let end = unsafe Resumption.end(of: session), time(nil) < end
  else { return SSL_TICKET_RETURN_IGNORE_RENEW }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}
