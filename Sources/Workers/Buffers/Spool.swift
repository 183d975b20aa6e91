import Glibc
import Platform
import PluginHost
import Synchronization

/// What a response has in a temporary file, since its client does not take it: so its handler can go on, and return.
///
/// Segments of output refer to parts of the file. It is closed with the last of them, whoever drops that.
final class Spool: @unchecked Sendable {
  // Written by the thread that runs the handler; the file's parts are read by whoever sends them.
  private let file: FileDescriptor
  private let limit: Int
  private var size = 0

  /// The owner of its segments, which is no exchange.
  static let owner = UInt64.max
  /// How long a handler waits for its client before its response goes to a file.
  static let patience = 100 * Clock.nanosecondsPerMillisecond
  /// Of all responses of the worker.
  private static let total = Atomic<Int>(0)

  /// - Parameter limit: the most bytes of the response that are kept in it.
  init(limit: Int) throws(Errno) {
    file = try TemporaryFile.open()
    self.limit = limit
  }

  deinit { _ = Spool.total.subtract(size, ordering: .relaxed) }

  var raw: CInt { file.raw }

  /// Appends bytes; where they are, or nil if there is no room for all of them.
  ///
  /// - Parameter workerLimit: for the responses of the worker together.
  func append(_ bytes: UnsafeRawPointer, _ count: Int, workerLimit: Int) -> Int? {
    guard count <= limit - size else { return nil }
    guard Spool.total.add(count, ordering: .relaxed).newValue <= workerLimit, unsafe write(bytes, count) else {
      _ = Spool.total.subtract(count, ordering: .relaxed)
      return nil
    }
    defer { size += count }
    return size
  }

  private func write(_ bytes: UnsafeRawPointer, _ count: Int) -> Bool {
    var done = 0
    while done < count {
      let written = retryingInterrupts { unsafe pwrite(file.raw, bytes + done, count - done, off_t(size + done)) }
      guard written > 0 else { return false }
      done += written
    }
    return true
  }

  /// What a segment holds of it, until it is settled.
  var lease: Lease {
    unsafe Lease(
      release: { unsafe Unmanaged<Spool>.fromOpaque($0!).release() }, context: Unmanaged.passRetained(self).toOpaque())
  }
}
