import CLinux
import Glibc

/// Log files. The error log is standard error, so that it also contains the output of plugins and libraries. A new file
/// replaces it between two lines.
package enum LogFile {
  /// Opens or makes a log: a file, a pipe or a device. A pipe without a reader is an error. A pipe that is read too
  /// slowly loses lines, since an unwritable log never blocks requests. A symbolic link is refused, except /dev/stdout
  /// and other names of the process's own descriptors.
  ///
  /// - Parameter user: the service's user; see `Folder`.
  package static func open(_ path: String, user: ServiceUser?) throws(Errno) -> FileDescriptor {
    let flags = O_WRONLY | O_APPEND | O_CREAT
    if isOwnDescriptor(path) { return try openOwn(path) }
    return try Folder(of: path, user: user).open(flags: flags, mode: 0o640) { status in
      [S_IFREG, S_IFIFO, S_IFCHR].contains(status.kind)
    }
  }

  /// Opens the file of one of this process's own descriptors again, as a description of its own.
  static func openOwn(_ path: String) throws(Errno) -> FileDescriptor {
    try FileDescriptor.open(path, flags: O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK)
  }

  private static func isOwnDescriptor(_ path: String) -> Bool {
    if path == "/dev/stdout" || path == "/dev/stderr" { return true }
    return ["/dev/fd/", "/proc/self/fd/"].contains { folder in
      path.hasPrefix(folder) && UInt16(path.dropFirst(folder.count)) != nil
    }
  }

  /// Another descriptor of the current error log; nil if there is none.
  package static func presentErrorLog() -> FileDescriptor? {
    let raw = outrider_fcntl(2, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  /// Makes `raw` a duplicate of `descriptor`, between two lines of all writers.
  package static func replace(_ raw: CInt, with descriptor: borrowing FileDescriptor) {
    _ = outrider_dup3(descriptor.raw, raw, O_CLOEXEC)
  }

  /// Opens standard error again, if possible, so that other processes can't make its writes block; see `StandardError`.
  package static func separateErrorLog() { StandardError.separate() }

  /// Makes `descriptor` the error log.
  ///
  /// - Parameter isJournal: whether it is a stream of the journal.
  package static func makeErrorLog(_ descriptor: borrowing FileDescriptor, isJournal: Bool = false) {
    _ = dup2(descriptor.raw, 2)
    Journal.standardErrorHasChanged(isJournal: isJournal)
  }
}
