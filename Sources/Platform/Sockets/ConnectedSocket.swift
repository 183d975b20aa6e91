import CLinux
import Glibc

/// The system calls of a connected socket. Callers on the path of a request read errno themselves.
package enum ConnectedSocket {
  package enum Accepted {
    case connection(CInt, Peer)
    case none
    /// The process or the system has no descriptor or memory left.
    case exhausted(Errno)
  }

  package static func accept(_ listener: CInt) -> Accepted {
    // Has room for an IPv6 address; of a unix socket's address only the family is used.
    var storage = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let flags = CInt(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let fd = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        retryingInterrupts { unsafe outrider_accept4(listener, address, &size, flags) }
      }
    }
    if fd >= 0 { return .connection(fd, Peer(storage)) }
    switch errno {
    case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(.last("accept"))
    default: return .none
    }
  }

  /// The same as recv(2) on a nonblocking socket: -1 with EAGAIN if there are no bytes.
  @inline(__always)
  package static func receive(_ fd: CInt, _ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    retryingInterrupts { unsafe outrider_recv(fd, buffer, capacity, 0) }
  }

  /// The same as `receive`, but the bytes remain in the socket.
  package static func peek(_ fd: CInt, _ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    retryingInterrupts { unsafe recv(fd, buffer, capacity, CInt(MSG_PEEK)) }
  }

  /// The same as send(2), without SIGPIPE.
  ///
  /// - Parameter more: whether bytes or the end of our side follow immediately and can share a packet.
  @inline(__always)
  package static func send(_ fd: CInt, _ bytes: UnsafeRawPointer, _ count: Int, more: Bool = false) -> Int {
    retryingInterrupts { unsafe outrider_send(fd, bytes, count, sendFlags(more)) }
  }

  /// The same as writev(2), without SIGPIPE.
  package static func send(_ fd: CInt, _ vectors: UnsafeMutablePointer<iovec>, _ count: Int, more: Bool) -> Int {
    var message = unsafe msghdr()
    unsafe message.msg_iov = vectors
    unsafe message.msg_iovlen = count
    return retryingInterrupts { unsafe sendmsg(fd, &message, sendFlags(more)) }
  }

  @inline(__always)
  private static func sendFlags(_ more: Bool) -> CInt {
    CInt(more ? Int(MSG_NOSIGNAL) | Int(MSG_MORE) : Int(MSG_NOSIGNAL))
  }

  /// The same as sendfile(2) from `offset`; the file position is unchanged.
  package static func sendFile(_ fd: CInt, from file: CInt, offset: UInt64, count: UInt64) -> Int {
    var position = off_t(clamping: offset)
    return retryingInterrupts { unsafe sendfile(fd, file, &position, Int(min(count, 1 << 30))) }
  }

  /// How many of `sent` bytes the peer's system has acknowledged; for a unix socket, roughly as many as the peer has
  /// read.
  package static func acknowledged(_ fd: CInt, of sent: UInt64) -> UInt64 {
    let rest = UInt64(max(0, outrider_unacknowledged(fd)))
    return sent > rest ? sent - rest : 0
  }

  /// Ends our side: no more bytes are sent, and bytes of the peer can still be read.
  package static func shutdownWriting(_ fd: CInt) { Glibc.shutdown(fd, CInt(SHUT_WR)) }

  /// Whether the connection was reset, so that the last bytes sent did not arrive.
  package static func wasReset(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: 0, revents: 0)
    return unsafe poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLERR) != 0
  }

  /// Shuts down both directions, which ends waits on the socket.
  package static func shutdown(_ fd: CInt) { Glibc.shutdown(fd, CInt(SHUT_RDWR)) }

  /// Makes the next close send a reset.
  package static func resetOnClose(_ fd: CInt) {
    var option = Glibc.linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<Glibc.linger>.size))
  }

  /// Waits until `fd` can be read or written, or its peer is gone.
  ///
  /// - Returns: false if `deadline` (monotonic nanoseconds) has passed.
  package static func wait(_ fd: CInt, writing: Bool, deadline: UInt64) -> Bool {
    wait(fd, writing: writing, deadline: deadline, interruptedBy: -1) != .timedOut
  }

  package enum WaitResult { case ready, interrupted, timedOut }

  /// The same; the wait also ends when another descriptor becomes readable.
  ///
  /// - Parameter descriptor: -1 for none.
  package static func wait(_ fd: CInt, writing: Bool, deadline: UInt64, interruptedBy descriptor: CInt) -> WaitResult {
    while true {
      let now = Clock.monotonic()
      guard now < deadline else { return .timedOut }
      let milliseconds = (deadline - now + Clock.nanosecondsPerMillisecond - 1) / Clock.nanosecondsPerMillisecond
      var entries: InlineArray<2, pollfd> = [
        pollfd(fd: fd, events: Int16(writing ? POLLOUT : POLLIN), revents: 0),
        pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      ]
      var span = entries.mutableSpan
      let ready = unsafe span.withUnsafeMutableBufferPointer {
        unsafe poll($0.baseAddress, descriptor < 0 ? 1 : 2, CInt(clamping: milliseconds))
      }
      if ready > 0 || (ready < 0 && errno != EINTR) { return entries[1].revents != 0 ? .interrupted : .ready }
    }
  }

  /// Whether the peer has closed its side, or has reset the connection.
  package static func isPeerClosed(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(OUTRIDER_POLLRDHUP), revents: 0)
    return unsafe poll(&entry, 1, 0) > 0
  }

  package enum PeerState: Sendable {
    case present
    /// The peer sends no more, and may still receive.
    case halfClosed
    /// The connection was reset, or both sides are closed.
    case gone
  }

  package static func peerState(_ fd: CInt) -> PeerState {
    var entry = pollfd(fd: fd, events: Int16(OUTRIDER_POLLRDHUP), revents: 0)
    guard unsafe poll(&entry, 1, 0) > 0 else { return .present }
    return entry.revents & Int16(POLLERR | POLLHUP) == 0 ? .halfClosed : .gone
  }

  /// Whether the process at the other end of a unix socket is root or has the same user as this process.
  package static func isPeerTrusted(_ fd: CInt) -> Bool {
    guard let peer = peer(of: fd) else { return false }
    // Of users outside this user namespace, the permissions of the socket's file admit only root.
    return peer.user == 0 || peer.user == geteuid() || ServiceUser.isUnmapped(peer.user)
  }

  /// Whether the other end of a channel is the parent of this process.
  package static func isChannelToParent(_ fd: CInt) -> Bool {
    var (domain, type, size) = (CInt(-1), CInt(-1), socklen_t(MemoryLayout<CInt>.size))
    guard unsafe getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0, domain == AF_UNIX,
      unsafe getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0, type == CInt(SOCK_SEQPACKET.rawValue)
    else { return false }
    return peer(of: fd)?.process == getppid()
  }

  /// The peer's credentials when it connected.
  private static func peer(of fd: CInt) -> (process: pid_t, user: uid_t)? {
    var credentials = outrider_peer()
    guard unsafe outrider_peer_of(fd, &credentials) == 0 else { return nil }
    return (credentials.process, credentials.user)
  }

  package static func close(_ fd: CInt) { Glibc.close(fd) }
}
