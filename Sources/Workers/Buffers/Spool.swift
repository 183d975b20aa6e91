import Glibc
import Platform
import PluginHost
import Synchronization

/// The part of a response that waits in a temporary file while its client does not read it, so that the handler can
/// continue and return.
///
/// Segments of output refer to parts of the file. The file is closed when the last of these segments is dropped.
final class Spool: @unchecked Sendable {
  // Written by the thread that runs the handler; the file's parts are read by the thread that sends them.
  private let file: FileDescriptor
  private let limit: Int
  private var size = 0

  /// The owner of its segments, which is not an exchange.
  static let owner = UInt64.max
  /// How long a handler waits for its client before its response is written to a file.
  static let patience = 100 * Clock.nanosecondsPerMillisecond
  /// The bytes of all spools of the worker.
  private static let total = Atomic<Int>(0)

  /// - Parameter limit: the maximum number of bytes of the response that the file holds.
  init(limit: Int) throws(Errno) {
    file = try TemporaryFile.open()
    self.limit = limit
  }

  deinit { _ = Spool.total.subtract(size, ordering: .relaxed) }

  var raw: CInt { file.raw }

  /// Appends bytes and returns their offset, or nil if there is no room for all of them.
  ///
  /// - Parameter workerLimit: the maximum for all responses of the worker together.
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

  /// The lease of a segment that refers to the file.
  var lease: Lease {
    unsafe Lease(
      release: { unsafe Unmanaged<Spool>.fromOpaque($0!).release() }, context: Unmanaged.passRetained(self).toOpaque())
  }
}
