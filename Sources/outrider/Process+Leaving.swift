import Glibc
import Platform

extension Process {
  /// Ends the process with `code` after standard output has been written.
  static func leave(flushing code: ExitCode) -> Never {
    fflush(nil)
    exit(code.rawValue)
  }
}
