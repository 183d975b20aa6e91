import Glibc
import Platform

/// What is wrong before there is a log: plain lines on stderr.
enum Complaint {
  static func write(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { bytes in
      _ = retryingInterrupts { unsafe Glibc.write(2, bytes.baseAddress, bytes.count) }
    }
  }
}

extension Process {
  /// Ends the process with `code` after standard output has been written.
  static func leave(flushing code: ExitCode) -> Never {
    fflush(nil)
    exit(code.rawValue)
  }
}
