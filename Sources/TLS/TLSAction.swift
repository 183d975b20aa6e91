import COpenSSL
import Platform

/// What a step of a session came to, and so what its caller does next.
package enum TLSAction {
  /// So many bytes were moved; 0 for a step that moves none.
  case done(Int)
  /// The socket has to be readable before the same step is tried again.
  case wantRead
  /// Likewise writable.
  case wantWrite
  /// It has taken its share: others come first, and then the same step is tried again, whatever the socket says.
  case cut
  /// The peer sends no more; it may still read.
  case closed
  /// The session is of no use any more.
  case failed(TLSFailure)
}

/// Why a session failed.
package struct TLSFailure: Sendable, Equatable {
  /// OpenSSL's code; 0 where a system call failed.
  private let code: UInt
  /// The system's errno; 0 where the protocol failed.
  package let errno: CInt
  /// The client has changed its keys, or asked for a new handshake, too often.
  package let isFlood: Bool

  init(code: UInt, errno: CInt = 0, isFlood: Bool = false) {
    self.code = code
    self.errno = errno
    self.isFlood = isFlood
  }

  /// The peer speaks HTTP without TLS.
  package var isPlainHTTP: Bool {
    guard ERR_GET_LIB(code) == ERR_LIB_SSL else { return false }
    let reason = ERR_GET_REASON(code)
    return reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST
  }

  /// The peer went away, which is no fault of the protocol.
  package var isDeparture: Bool { code == 0 }

  /// A phrase for the log.
  package var reason: String {
    if code == 0 { return errno == 0 ? "the client left" : Errno.reason(errno) }
    return OpenSSLError.reason(code)
  }
}

/// The calling thread's queue of errors.
enum OpenSSLError {
  /// The first error, in words; the queue is empty after.
  static func take() -> String {
    let code = ERR_peek_error()
    ERR_clear_error()
    return reason(code)
  }

  static func reason(_ code: UInt) -> String {
    guard let text = unsafe ERR_reason_error_string(code) else { return "OpenSSL error \(code)" }
    return unsafe String(cString: text)
  }
}
