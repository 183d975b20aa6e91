import CLinux
import Glibc

/// Files that lines are appended to. The error log is whatever standard error leads to: what plugins and libraries say
/// there is in it as well, and a new file takes its place between two lines.
package enum LogFile {
  /// Opens a log, which is made for its owner and group if it is not there: a file, a pipe or a device. A pipe that nobody
  /// reads is an error, and one that is not read fast enough loses lines: a log never stops the server. A symbolic link in
  /// its place is refused; the names of one's own descriptors, such as /dev/stdout, are not.
  ///
  /// - Parameter user: the service's; see `Folder`.
  package static func open(_ path: String, user: ServiceUser?) throws(Errno) -> FileDescriptor {
    let flags = O_WRONLY | O_APPEND | O_CREAT
    if isOwnDescriptor(path) { return try openOwn(path) }
    return try Folder(of: path, user: user).open(flags: flags, mode: 0o640) { status in
      [S_IFREG, S_IFIFO, S_IFCHR].contains(status.kind)
    }
  }

  /// Another description of what one of this process's descriptors leads to.
  static func openOwn(_ path: String) throws(Errno) -> FileDescriptor {
    try FileDescriptor.open(path, flags: O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)
  }

  private static func isOwnDescriptor(_ path: String) -> Bool {
    if path == "/dev/stdout" || path == "/dev/stderr" { return true }
    return ["/dev/fd/", "/proc/self/fd/"].contains { folder in
      path.hasPrefix(folder) && UInt16(path.dropFirst(folder.count)) != nil
    }
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

  /// From now on standard error is not one that other processes could make this one wait for, if that can be: see
  /// `StandardError`. It leads to where it did.
  package static func separateErrorLog() { StandardError.separate() }

  /// From now on this is the error log.
  ///
  /// - Parameter isJournal: it is a stream of the journal.
  package static func makeErrorLog(_ descriptor: borrowing FileDescriptor, isJournal: Bool = false) {
    _ = dup2(descriptor.raw, 2)
    Journal.standardErrorHasChanged(isJournal: isJournal)
  }
}
