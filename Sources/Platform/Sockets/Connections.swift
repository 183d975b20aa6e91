import CLinux
import Glibc

/// The system calls of a connected socket. All of them leave errno for the caller, who runs on the path of a request.
package enum Connections {
  package enum Accepted {
    case connection(CInt, Peer)
    case none
    /// The process or the system has no descriptor or memory left.
    case exhausted(Errno)
  }

  package static func accept(_ listener: CInt) -> Accepted {
    // The longest address that is looked at; of a unix socket's, the family alone.
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

  /// As recv(2), on a socket that does not block: -1 with EAGAIN when nothing is there.
  @inline(__always)
  package static func receive(_ fd: CInt, _ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    retryingInterrupts { unsafe outrider_recv(fd, buffer, capacity, 0) }
  }

  /// As `receive`; what is read stays in the socket.
  package static func peek(_ fd: CInt, _ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    retryingInterrupts { unsafe recv(fd, buffer, capacity, CInt(MSG_PEEK)) }
  }

  /// As send(2) without SIGPIPE.
  ///
  /// - Parameter more: whether something follows at once, be it the end of our side, that a packet may be shared with.
  @inline(__always)
  package static func send(_ fd: CInt, _ bytes: UnsafeRawPointer, _ count: Int, more: Bool = false) -> Int {
    retryingInterrupts { unsafe outrider_send(fd, bytes, count, sendFlags(more)) }
  }

  /// As writev(2) without SIGPIPE.
  package static func send(_ fd: CInt, _ vectors: UnsafeMutablePointer<iovec>, _ count: Int, more: Bool) -> Int {
    var message = unsafe msghdr()
    unsafe message.msg_iov = vectors
    unsafe message.msg_iovlen = count
    return retryingInterrupts { unsafe sendmsg(fd, &message, sendFlags(more)) }
  }

  private static func sendFlags(_ more: Bool) -> CInt {
    CInt(more ? Int(MSG_NOSIGNAL) | Int(MSG_MORE) : Int(MSG_NOSIGNAL))
  }

  /// As sendfile(2) from `offset`; the file's own position stays.
  package static func sendFile(_ fd: CInt, from file: CInt, offset: UInt64, count: UInt64) -> Int {
    var position = off_t(clamping: offset)
    return retryingInterrupts { unsafe sendfile(fd, file, &position, Int(min(count, 1 << 30))) }
  }

  /// How many of `sent` bytes the peer's side has acknowledged: of a unix socket, about as many as the peer has read.
  package static func acknowledged(_ fd: CInt, of sent: UInt64) -> UInt64 {
    let rest = UInt64(max(0, outrider_unacknowledged(fd)))
    return sent > rest ? sent - rest : 0
  }

  /// No more bytes will be sent; those of the peer can still be read.
  package static func shutdownWriting(_ fd: CInt) { Glibc.shutdown(fd, CInt(SHUT_WR)) }

  /// Whether the connection was reset: what was sent last has not reached anybody.
  package static func wasReset(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: 0, revents: 0)
    return unsafe poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLERR) != 0
  }

  /// Neither side can go on: whoever waits on the socket wakes.
  package static func shutdown(_ fd: CInt) { Glibc.shutdown(fd, CInt(SHUT_RDWR)) }

  /// The next close is a reset, whatever has been sent by then.
  package static func resetOnClose(_ fd: CInt) {
    var option = Glibc.linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<Glibc.linger>.size))
  }

  /// Waits until `fd` can be read or written, or its peer is gone.
  ///
  /// - Parameter bell: a descriptor that ends the wait as soon as it can be read; -1 for none.
  /// - Returns: false when `deadline` (monotonic nanoseconds) has passed.
  package static func wait(_ fd: CInt, writing: Bool, deadline: UInt64, bell: CInt = -1) -> Bool {
    while true {
      let now = Clock.monotonic()
      guard now < deadline else { return false }
      let milliseconds = (deadline - now + Clock.nanosecondsPerMillisecond - 1) / Clock.nanosecondsPerMillisecond
      var entries: InlineArray<2, pollfd> = [
        pollfd(fd: fd, events: Int16(writing ? POLLOUT : POLLIN), revents: 0),
        pollfd(fd: bell, events: Int16(POLLIN), revents: 0),
      ]
      var span = entries.mutableSpan
      let ready = unsafe span.withUnsafeMutableBufferPointer {
        unsafe poll($0.baseAddress, bell < 0 ? 1 : 2, CInt(clamping: milliseconds))
      }
      if ready > 0 || (ready < 0 && errno != EINTR) { return true }
    }
  }

  /// Whether the peer has closed its side, or reset.
  package static func peerHasLeft(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(OUTRIDER_POLLRDHUP), revents: 0)
    return unsafe poll(&entry, 1, 0) > 0
  }

  /// Whether the process at the other end of a unix socket is root's, or of this process's user.
  package static func isPeerTrusted(_ fd: CInt) -> Bool {
    guard let peer = peer(of: fd) else { return false }
    // Of those whom this user namespace does not know, the permissions of the socket's file let in root alone.
    return peer.user == 0 || peer.user == geteuid() || ServiceUser.isUnmapped(peer.user)
  }

  /// Whether the other end of a channel is the parent of this process, which has made it.
  package static func isChannelToParent(_ fd: CInt) -> Bool {
    var (domain, type, size) = (CInt(-1), CInt(-1), socklen_t(MemoryLayout<CInt>.size))
    guard unsafe getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0, domain == AF_UNIX,
      unsafe getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0, type == CInt(SOCK_SEQPACKET.rawValue)
    else { return false }
    return peer(of: fd)?.process == getppid()
  }

  /// As they were when the connection was made.
  private static func peer(of fd: CInt) -> (process: pid_t, user: uid_t)? {
    var credentials = outrider_peer()
    guard unsafe outrider_peer_of(fd, &credentials) == 0 else { return nil }
    return (credentials.process, credentials.user)
  }

  package static func close(_ fd: CInt) { Glibc.close(fd) }
}
