import COpenSSL
import Glibc

/// Until when a session may be resumed.
///
/// A resumption looks at no certificate, and its client gets a new ticket. So a session has an end, which its tickets
/// carry: the lifetime of a ticket after the client was authenticated in full, or the end of its certificate if that is
/// earlier. After it the client has to go through a full handshake.
enum Resumption {
  /// Makes the tickets of a context carry the end of their session, and takes none after it.
  static func limit(_ context: OpaquePointer) {
    unsafe SSL_CTX_set_session_ticket_cb(context, writeEnd, judgeEnd, nil)
  }

  /// The end that a session's ticket carries, in seconds of the epoch; nil if it carries none.
  fileprivate static func end(of session: OpaquePointer) -> Int? {
    var bytes: UnsafeMutableRawPointer?
    var count = 0
    guard unsafe SSL_SESSION_get0_ticket_appdata(session, &bytes, &count) == 1, count == MemoryLayout<Int>.size
    else { return nil }
    return unsafe bytes?.loadUnaligned(as: Int.self)
  }

  /// That of a session whose client has been authenticated just now.
  fileprivate static func firstEnd(of session: OpaquePointer, _ now: Int) -> Int {
    let lifetime = TLSPolicy.ticketLifetime
    guard let certificate = unsafe SSL_SESSION_get0_peer(session) else { return now + lifetime }
    var days: CInt = 0
    var seconds: CInt = 0
    guard unsafe ASN1_TIME_diff(&days, &seconds, nil, X509_get0_notAfter(certificate)) == 1 else { return now }
    return now + min(lifetime, Int(days) * 86_400 + Int(seconds))
  }
}

/// Before a ticket is sealed.
private let writeEnd: SSL_CTX_generate_session_ticket_fn = { ssl, _ in
  guard let session = unsafe SSL_get_session(ssl) else { return 0 }
  let known = unsafe SSL_session_reused(ssl) == 1 ? Resumption.end(of: session) : nil
  var end = unsafe known ?? Resumption.firstEnd(of: session, time(nil))
  // What the client is told, and what OpenSSL judges by itself, is counted from the ticket's own time.
  unsafe SSL_SESSION_set_timeout(session, max(0, end - SSL_SESSION_get_time(session)))
  return unsafe SSL_SESSION_set1_ticket_appdata(session, &end, MemoryLayout<Int>.size)
}

/// After a ticket has been opened, or could not be.
private let judgeEnd: SSL_CTX_decrypt_session_ticket_fn = { _, session, _, _, status, _ in
  guard status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW, let session = unsafe session,
    let end = unsafe Resumption.end(of: session), time(nil) < end
  else { return SSL_TICKET_RETURN_IGNORE_RENEW }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}
