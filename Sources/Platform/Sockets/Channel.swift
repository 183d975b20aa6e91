import CLinux
import Glibc
import Synchronization

/// A line between two processes of the server: whole messages each way. Its end of file means that the other side is gone.
///
/// The upper process, which has made the lower one, is believed by it, and may send descriptors. The lower one may run
/// code that is nobody's friend: from the moment on that the channel is sealed it sends through a pipe, and there is no way
/// for it to hand a descriptor up. To refuse them is not enough: to close one can take as long as its sender likes (a
/// socket that lingers), and the last to have one closes it.
package final class Channel: Sendable {
  package enum Incoming: ~Copyable {
    /// The kind of the message, its text, and the descriptor that came with it.
    case message(kind: UInt8, text: [UInt8], descriptor: FileDescriptor?)
    /// No message that a process of this server sends: too long, or with more than one descriptor.
    case malformed
    case nothing
    case closed
  }

  /// The longest message, its kind included.
  package static let capacity = 4096

  private enum End { case upper, lower }

  /// In bytes, a page for each message: a master tells of many workers at once.
  private static let roomForMasters: CInt = 256 << 10

  private let socket: FileDescriptor
  /// The end of the pipe that goes from the lower process to the upper; nil where an earlier version of this program has
  /// made the channel: then the socket goes on to be used, and what comes with its messages is closed.
  private let pipe: FileDescriptor?
  private let end: End
  private let isSealedCell = Atomic<Bool>(false)

  private init(_ socket: consuming FileDescriptor, _ pipe: consuming FileDescriptor?, _ end: End) {
    self.socket = socket
    self.pipe = pipe
    self.end = end
  }

  /// The lower end in a process that was executed with it.
  package static func lower(socket: consuming FileDescriptor, pipe: consuming FileDescriptor?) -> Channel {
    Channel(socket, pipe, .lower)
  }

  /// The upper end, sealed, in a program that was executed with it.
  package static func upper(socket: consuming FileDescriptor, pipe: consuming FileDescriptor?) -> Channel {
    let channel = Channel(socket, pipe, .upper)
    channel.isSealedCell.store(true, ordering: .relaxed)
    return channel
  }

  /// The same for a channel of which the pipe was not known yet; this one is not to be used any more.
  package func reporting(through pipe: CInt) -> Channel {
    let own = outrider_fcntl(socket.raw, F_DUPFD_CLOEXEC, 3)
    guard own >= 0, pipe > 2 else { return self }
    Process.closeOnExec(pipe)
    return Channel.upper(socket: FileDescriptor(owning: own), pipe: FileDescriptor(owning: pipe))
  }

  /// Both ends, of which one goes to a child. Neither blocks.
  ///
  /// - Parameter sealed: the lower process never sends descriptors.
  package static func pair(sealed: Bool) throws(Errno) -> (upper: Channel, lower: Channel) {
    var sockets: [CInt] = [-1, -1]
    let type = CInt(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    guard unsafe socketpair(AF_UNIX, type, 0, &sockets) == 0 else { throw .last("socketpair") }
    let upperSocket = FileDescriptor(owning: sockets[0])
    let lowerSocket = FileDescriptor(owning: sockets[1])
    var pipe: [CInt] = [-1, -1]
    guard unsafe outrider_message_pipe(&pipe, sealed ? 0 : roomForMasters) == 0 else { throw .last("pipe") }
    let upper = Channel(upperSocket, FileDescriptor(owning: pipe[0]), .upper)
    let lower = Channel(lowerSocket, FileDescriptor(owning: pipe[1]), .lower)
    if sealed {
      upper.seal()
      lower.seal()
    }
    return (upper, lower)
  }

  /// All its descriptors.
  package var descriptors: [CInt] { [socket.raw] + (pipeRaw.map { [$0] } ?? []) }

  package var socketRaw: CInt { socket.raw }

  package var pipeRaw: CInt? {
    switch pipe {
    case .some(let pipe): pipe.raw
    case .none: nil
    }
  }

  /// What becomes readable when a message has come: another descriptor once it is sealed.
  package var raw: CInt { end == .upper && isSealed ? pipeRaw ?? socket.raw : socket.raw }

  package var isSealed: Bool { isSealedCell.load(ordering: .relaxed) }

  /// From here on the lower process sends through the pipe; called at both ends. At the upper one the kernel refuses from
  /// now on what the lower one would send through the socket.
  package func seal() {
    isSealedCell.store(true, ordering: .relaxed)
    if end == .upper, pipeRaw != nil { shutdown(socket.raw, CInt(SHUT_RD)) }
  }

  /// Sends one message; false if the other side is gone or does not read.
  @discardableResult
  package func send(kind: UInt8, text: [UInt8] = [], descriptor passed: CInt = -1) -> Bool {
    let bytes = [kind] + text.prefix(Channel.capacity - 1)
    let count = unsafe bytes.withUnsafeBytes { buffer in
      retryingInterrupts {
        if end == .lower, isSealed, let pipeRaw {
          // There is a signal for whoever writes to a pipe that nobody reads, and plugins may have it kill.
          return Channel.isRead(pipeRaw) ? unsafe write(pipeRaw, buffer.baseAddress, buffer.count) : 0
        }
        return unsafe outrider_send_message(socket.raw, buffer.baseAddress, buffer.count, passed)
      }
    }
    return count == bytes.count
  }

  private static func isRead(_ pipe: CInt) -> Bool {
    var entry = pollfd(fd: pipe, events: 0, revents: 0)
    return unsafe poll(&entry, 1, 0) == 0
  }

  /// What has room when the next message can be sent.
  package var outgoing: CInt { end == .lower && isSealed ? pipeRaw ?? socket.raw : socket.raw }

  package func receive() -> Incoming {
    var buffer = [UInt8](repeating: 0, count: Channel.capacity)
    var passed: CInt = -1
    var faulty: CInt = 0
    let source = raw
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      retryingInterrupts {
        if source != socket.raw { return unsafe read(source, bytes.baseAddress, bytes.count) }
        return unsafe outrider_receive_message(source, bytes.baseAddress, bytes.count, &passed, &faulty)
      }
    }
    if count < 0 { return errno == EAGAIN ? .nothing : .closed }
    let received: FileDescriptor? = passed >= 0 ? FileDescriptor(owning: passed) : nil
    guard count > 0 else { return .closed }
    guard faulty == 0 else { return .malformed }
    return .message(kind: buffer[0], text: Array(buffer[1..<count]), descriptor: received)
  }
}
