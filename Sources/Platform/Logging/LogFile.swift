import CLinux
import Glibc

/// Files that lines are appended to. The error log is whatever standard error leads to: what plugins and libraries say
/// there is in it as well, and a new file takes its place between two lines.
package enum LogFile {
  /// Opens a log, which is made for its owner and group if it is not there. A pipe that nobody reads is an error, and
  /// one that is not read fast enough loses lines: a log never stops the server.
  package static func open(_ path: String) throws(Errno) -> FileDescriptor {
    try FileDescriptor.open(
      path, flags: O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK, mode: 0o640)
  }

  /// Another descriptor of the present error log; nil if there is none.
  package static func presentErrorLog() -> FileDescriptor? {
    let raw = outrider_fcntl(2, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  /// From now on the descriptor `raw` leads to where `descriptor` does: between two lines, whoever writes.
  package static func replace(_ raw: CInt, with descriptor: borrowing FileDescriptor) {
    _ = outrider_dup3(descriptor.raw, raw, O_CLOEXEC)
  }

  /// From now on this is the error log.
  ///
  /// - Parameter isJournal: it is a stream of the journal.
  package static func makeErrorLog(_ descriptor: borrowing FileDescriptor, isJournal: Bool = false) {
    _ = dup2(descriptor.raw, 2)
    Journal.standardErrorHasChanged(isJournal: isJournal)
  }
}
