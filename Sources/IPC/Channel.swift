import CLinux
import Glibc
import Platform
import Synchronization

/// A channel between two processes of the server: whole messages each way. End of file means that the other side is gone.
///
/// The lower process is a child of the upper one and trusts it: the upper process may send descriptors. The lower process may
/// run hostile code. Once the channel is sealed it sends through a pipe, which carries no descriptors. Refusing descriptors
/// would not be enough: closing one can take as long as its sender likes (a socket that lingers).
package final class Channel: Sendable {
  package enum Incoming: ~Copyable {
    /// The kind of the message, its fields, and the descriptor that came with it.
    case message(kind: UInt8, fields: KeyedFields, descriptor: FileDescriptor?)
    /// A message that no process of this server sends: too long, with more than one descriptor, or without fields.
    case malformed
    case nothing
    case closed
  }

  /// The longest message, its kind included.
  package static let capacity = 4096
  /// The room that one text can take in a message.
  package static let textRoom = 4000

  private enum End { case upper, lower }

  /// In bytes; one page for each message. A master may report many workers at once.
  private static let roomForMasters: CInt = 256 << 10

  private let socket: FileDescriptor
  /// The pipe from the lower process to the upper one. Nil if an earlier version of this program has made the channel: then
  /// the socket stays in use, and descriptors that arrive are closed.
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

  /// Makes both ends of a channel, one of which is for a child. Both are nonblocking.
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

  /// All descriptors of this end.
  package var descriptors: [CInt] { [socket.raw] + (pipeRaw.map { [$0] } ?? []) }

  package var socketRaw: CInt { socket.raw }

  package var pipeRaw: CInt? {
    switch pipe {
    case .some(let pipe): pipe.raw
    case .none: nil
    }
  }

  /// The descriptor that becomes readable with a message; it changes when the channel is sealed.
  package var raw: CInt { end == .upper && isSealed ? pipeRaw ?? socket.raw : socket.raw }

  package var isSealed: Bool { isSealedCell.load(ordering: .relaxed) }

  /// From now on the lower process sends through the pipe. Called at both ends: at the upper end the kernel then
  /// rejects what the lower process sends through the socket.
  package func seal() {
    isSealedCell.store(true, ordering: .relaxed)
    if end == .upper, pipeRaw != nil { shutdown(socket.raw, CInt(SHUT_RD)) }
  }

  /// Sends one message.
  ///
  /// - Returns: false if the other side is gone or does not read, or the message is too long.
  @discardableResult
  package func send(
    _ kind: some RawRepresentable<UInt8>, _ fields: KeyedFields = KeyedFields(), descriptor passed: CInt = -1
  ) -> Bool {
    let bytes = [kind.rawValue] + fields.bytes
    guard bytes.count <= Channel.capacity else { return false }
    let count = unsafe bytes.withUnsafeBytes { buffer in
      retryingInterrupts {
        if end == .lower, isSealed, let pipeRaw {
          // Writing to a pipe without a reader raises SIGPIPE, which plugins may have set to kill.
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

  /// The descriptor that becomes writable when the next message can be sent.
  package var outgoing: CInt { end == .lower && isSealed ? pipeRaw ?? socket.raw : socket.raw }

  package func receive() -> Incoming {
    var buffer = [UInt8](repeating: 0, count: Channel.capacity)
    var passed: CInt = -1
    var malformed: CInt = 0
    let source = raw
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      retryingInterrupts {
        if source != socket.raw { return unsafe read(source, bytes.baseAddress, bytes.count) }
        return unsafe outrider_receive_message(source, bytes.baseAddress, bytes.count, &passed, &malformed)
      }
    }
    if count < 0 { return errno == EAGAIN ? .nothing : .closed }
    let received: FileDescriptor? = passed >= 0 ? FileDescriptor(owning: passed) : nil
    guard count > 0 else { return .closed }
    guard malformed == 0 else { return .malformed }
    guard let fields = KeyedFields(buffer[1..<count]) else { return .malformed }
    return .message(kind: buffer[0], fields: fields, descriptor: received)
  }
}
