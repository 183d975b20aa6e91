import CSystemd
import Glibc
import Platform

/// The service's stream into systemd's journal; see sd_journal_stream_fd(3).
enum JournalStream {
  /// The value of `log.error` and `log.access` that selects the journal.
  static let name = "journal"

  /// Opens a stream. An unwritable log never blocks requests: lines are dropped while the journal does not read.
  ///
  /// - Parameter prefixed: lines begin with their priority.
  static func open(prefixed: Bool) throws(Errno) -> FileDescriptor {
    let raw = unsafe sd_journal_stream_fd("outrider", LOG_INFO, prefixed ? 1 : 0)
    guard raw >= 0 else { throw Errno(code: -raw, attempt: "the journal of systemd") }
    let stream = FileDescriptor(owning: raw)
    stream.makeNonblocking()
    return stream
  }
}
