import Glibc
import Synchronization

/// Whether standard error is a stream of systemd's journal, which adds timestamps itself and takes each line's priority
/// from a prefix. See systemd.exec(5) about `$JOURNAL_STREAM`, and sd-daemon(3) about the prefixes.
package enum Journal {
  private static let isJournal = Atomic<Bool>(isStream(2))

  /// [any-thread] Updated when this process changes its standard error.
  package static var isStandardError: Bool { isJournal.load(ordering: .relaxed) }

  /// Called after a change of standard error.
  ///
  /// - Parameter isNewStream: whether it is a stream that was opened here, which this process and its children have to
  ///   recognize.
  static func standardErrorHasChanged(isJournal isNewStream: Bool) {
    if isNewStream { Process.setEnvironment(variable, identity(2)) }
    isJournal.store(isStream(2), ordering: .relaxed)
    LogColors.standardErrorHasChanged()
  }

  /// Device and inode of the stream.
  private static let variable = "JOURNAL_STREAM"

  /// Whether a descriptor is that stream.
  package static func isStream(_ fd: CInt) -> Bool {
    guard let stream = Process.environment(variable) else { return false }
    return stream == identity(fd)
  }

  private static func identity(_ fd: CInt) -> String? {
    var status = stat()
    guard unsafe fstat(fd, &status) == 0 else { return nil }
    return "\(status.st_dev):\(status.st_ino)"
  }
}
