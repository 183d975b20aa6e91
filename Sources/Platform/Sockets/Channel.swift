import CLinux
import Glibc

/// A line between two processes of the server: whole messages, perhaps with a descriptor. Its end of file means that
/// the other side is gone.
package final class Channel: Sendable {
  package enum Incoming: ~Copyable {
    /// The kind of the message, its text, and the descriptor that came with it.
    case message(kind: UInt8, text: [UInt8], descriptor: FileDescriptor?)
    case nothing
    case closed
  }

  /// The longest message.
  package static let capacity = 4096

  private let descriptor: FileDescriptor

  package init(owning descriptor: consuming FileDescriptor) {
    self.descriptor = descriptor
  }

  /// Both ends, each to be taken by its owner.
  package struct Pair: ~Copyable {
    private var mine: FileDescriptor?
    private var theirs: FileDescriptor?

    fileprivate init(_ ends: [CInt]) {
      mine = FileDescriptor(owning: ends[0])
      theirs = FileDescriptor(owning: ends[1])
    }

    /// Each end can be taken once.
    package mutating func takeMine() -> FileDescriptor { mine.take()! }
    package mutating func takeTheirs() -> FileDescriptor { theirs.take()! }
  }

  /// Two ends, of which one goes to a child. Neither blocks.
  package static func pair() throws(Errno) -> Pair {
    var ends: [CInt] = [-1, -1]
    let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw .last("socketpair") }
    return Pair(ends)
  }

  package var raw: CInt { descriptor.raw }

  /// Sends one message; false if the other side is gone or does not read.
  @discardableResult
  package func send(kind: UInt8, text: [UInt8] = [], descriptor passed: CInt = -1) -> Bool {
    let bytes = [kind] + text.prefix(Channel.capacity - 1)
    let count = unsafe bytes.withUnsafeBytes { buffer in
      retryingInterrupts {
        unsafe outrider_send_message(descriptor.raw, buffer.baseAddress, buffer.count, passed)
      }
    }
    return count == bytes.count
  }

  package func receive() -> Incoming {
    var buffer = [UInt8](repeating: 0, count: Channel.capacity)
    var passed: CInt = -1
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      retryingInterrupts {
        unsafe outrider_receive_message(descriptor.raw, bytes.baseAddress, bytes.count, &passed)
      }
    }
    if count < 0 { return errno == EAGAIN ? .nothing : .closed }
    let received: FileDescriptor? = passed >= 0 ? FileDescriptor(owning: passed) : nil
    guard count > 0 else { return .closed }
    return .message(kind: buffer[0], text: Array(buffer[1..<count]), descriptor: received)
  }
}
