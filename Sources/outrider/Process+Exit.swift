import Glibc
import Platform

extension Process {
  /// Ends the process with `code` after standard output has been written.
  static func exit(flushing code: ExitCode) -> Never {
    fflush(nil)
    Glibc.exit(code.rawValue)
  }
}
