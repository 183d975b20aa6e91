import Glibc

/// A failed system call: its errno, and what it attempted, for the operator.
package struct Errno: Error, Sendable, Equatable, CustomStringConvertible {
  package let code: CInt
  /// The attempt, such as `bind 127.0.0.1:80`.
  package let attempt: String

  package init(code: CInt, attempt: String) {
    self.code = code
    self.attempt = attempt
  }

  /// The calling thread's errno. Called immediately after the failed system call.
  package static func last(_ attempt: @autoclosure () -> String) -> Errno {
    let code = errno
    return Errno(code: code, attempt: attempt())
  }

  /// The system's text for the code, such as `Permission denied`.
  package var reason: String { Errno.reason(code) }

  package static func reason(_ code: CInt) -> String {
    unsafe String(cString: strerror(code))
  }

  package var description: String { "\(attempt): \(reason)" }
}
