import Glibc
import Synchronization

/// Whether standard error is a stream of systemd's journal, which keeps time itself and takes each line's priority from a
/// prefix; see systemd.exec(5) of `$JOURNAL_STREAM`, and sd-daemon(3) of the prefixes.
package enum Journal {
  private static let isThere = Atomic<Bool>(leads(2))

  /// [any-thread] As it was when standard error was last changed here.
  package static var isStandardError: Bool { isThere.load(ordering: .relaxed) }

  /// Standard error leads elsewhere.
  ///
  /// - Parameter isJournal: to a stream that was opened here, which this process and its children are to know.
  static func standardErrorHasChanged(isJournal: Bool) {
    if isJournal { Process.setEnvironment(variable, identity(2)) }
    isThere.store(leads(2), ordering: .relaxed)
  }

  /// Device and inode of the stream.
  private static let variable = "JOURNAL_STREAM"

  /// Whether a descriptor does.
  package static func leads(_ fd: CInt) -> Bool {
    guard let stream = Process.environment(variable) else { return false }
    return stream == identity(fd)
  }

  private static func identity(_ fd: CInt) -> String? {
    var status = stat()
    guard unsafe fstat(fd, &status) == 0 else { return nil }
    return "\(status.st_dev):\(status.st_ino)"
  }
}
