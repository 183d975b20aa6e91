import Control
import Glibc
import Platform

/// Why a command has failed, and the exit code.
struct CommandError: Error {
  let reason: String
  private let status: Int32

  init(reason: String, code: Platform.ExitCode) { self.init(reason: reason, status: code.rawValue) }

  init(reason: String, status: Int32) {
    self.reason = reason
    self.status = status
  }

  /// Prints the error and exits: on standard error, or as JSON on standard output in the form of the control socket.
  func exit(asJSON: Bool) -> Never {
    let json = JSON.object([JSON.Member("ok", false), JSON.Member("error", .string(reason))])
    if !asJSON || (try? StandardOutput.write("\(json)\n")) == nil {
      var line = "outriderctl: \(PrintableText.lines(reason))\n"
      line.withUTF8 { bytes in _ = retryingInterrupts { unsafe Glibc.write(2, bytes.baseAddress, bytes.count) } }
    }
    Glibc.exit(status)
  }
}
