import COpenSSL
import Platform

/// The result of a session's step, which tells the caller what to do next.
package enum TLSAction {
  /// The step moved that many bytes; 0 for a step without bytes.
  case done(Int)
  /// The socket must be readable before the step is repeated.
  case wantRead
  /// The socket must be writable before the step is repeated.
  case wantWrite
  /// The step has used its share. After other connections have had their turn, it is repeated whatever the socket's
  /// state.
  case cut
  /// The peer sends no more; it may still read.
  case closed
  /// The session can't be used any more.
  case failed(TLSError)
}

/// Why a session failed.
package struct TLSError: Sendable, Equatable {
  /// OpenSSL's code; 0 where a system call failed.
  private let code: UInt
  /// The system's errno; 0 where the protocol failed.
  package let errno: CInt
  /// The client has updated its keys, or requested a new handshake, too often.
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

  /// The peer has closed or reset the connection, which is not an error of the protocol.
  package var isDeparture: Bool { code == 0 }

  /// A phrase for the log.
  package var reason: String {
    if code == 0 { return errno == 0 ? "the client left" : Errno.reason(errno) }
    return OpenSSLError.reason(code)
  }
}

/// The calling thread's error queue.
enum OpenSSLError {
  /// The first error as text; clears the queue.
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
