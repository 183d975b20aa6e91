import CSystemd
import Glibc
import Platform

/// The service's stream into systemd's journal; see sd_journal_stream_fd(3).
enum JournalStream {
  /// The value of `log.error` and `log.access` that asks for it.
  static let name = "journal"

  /// Opens a stream. One that is not read fast enough loses lines: a log never stops the server.
  ///
  /// - Parameter prefixed: its lines say their priority themselves.
  static func open(prefixed: Bool) throws(Errno) -> FileDescriptor {
    let raw = unsafe sd_journal_stream_fd("outrider", LOG_INFO, prefixed ? 1 : 0)
    guard raw >= 0 else { throw Errno(code: -raw, attempt: "the journal of systemd") }
    let stream = FileDescriptor(owning: raw)
    stream.makeNonblocking()
    return stream
  }
}
