import CLinux
import Glibc
import Platform

/// A pipe from the supervisor to the workers of one generation: it tells workers without a master when to exit.
///
/// All workers share its read end, and none reads: the number of bytes in the pipe is the command. End of file without any byte
/// means that the supervisor has died.
package final class ShutdownPipe: Sendable {
  package enum Command: Int, Sendable {
    /// Drain and exit; the supervisor is gone.
    case supervisorGone = 0
    /// Drain and exit.
    case drain = 1
    /// Exit now.
    case stop = 2
  }

  private let descriptor: FileDescriptor

  /// One end, in a program that was executed with it.
  package init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Makes both ends; the lower one is for the workers.
  package static func make() throws(Errno) -> (upper: ShutdownPipe, lower: ShutdownPipe) {
    var ends: [CInt] = [-1, -1]
    guard unsafe outrider_pipe(&ends) == 0 else { throw .last("pipe") }
    return (
      ShutdownPipe(owning: FileDescriptor(owning: ends[1])), ShutdownPipe(owning: FileDescriptor(owning: ends[0]))
    )
  }

  package var raw: CInt { descriptor.raw }

  /// Sends a command. It has no effect if a stronger one has been sent.
  package func send(_ command: Command) {
    let missing = command.rawValue - Int(outrider_unread(descriptor.raw))
    guard missing > 0 else { return }
    let bytes = [UInt8](repeating: 0, count: missing)
    _ = unsafe bytes.withUnsafeBytes { buffer in
      retryingInterrupts { unsafe write(descriptor.raw, buffer.baseAddress, buffer.count) }
    }
  }

  /// The command at a worker's end; nil while the worker is to serve.
  package static func command(_ end: CInt) -> Command? {
    var entry = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&entry, 1, 0) > 0 else { return nil }
    switch outrider_unread(end) {
    case 2...: return .stop
    case 1: return .drain
    // A plugin in another worker may have read the command.
    default: return entry.revents & Int16(POLLHUP) != 0 ? .supervisorGone : nil
    }
  }
}
