import CLinux
import Glibc

/// Client sockets for command line programs, which may block.
package enum ClientSocket {
  /// Connects to a unix socket. The socket is nonblocking.
  ///
  /// - Parameter seconds: how long to wait for the listener if its backlog is full.
  package static func connect(unix path: String, within seconds: Int = 10) throws(Errno) -> FileDescriptor {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard raw >= 0 else { throw .last("socket") }
    let descriptor = FileDescriptor(owning: raw)
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    unsafe setsockopt(raw, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let connected = try unsafe SocketAddress.unix(path).withSockaddr { unsafe Glibc.connect(raw, $0, $1) }
    guard connected == 0 else {
      guard errno == EAGAIN else { throw .last("connect to \(path)") }
      throw Errno(code: ETIMEDOUT, attempt: "connect to \(path)")
    }
    outrider_fcntl(raw, F_SETFL, outrider_fcntl(raw, F_GETFL, 0) | O_NONBLOCK)
    return descriptor
  }

  /// Connects to a TCP port of this machine; reads and writes do not block, and what is written is sent at once.
  package static func connect(loopbackPort port: UInt16) throws(Errno) -> FileDescriptor {
    let raw = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard raw >= 0 else { throw .last("socket") }
    let descriptor = FileDescriptor(owning: raw)
    let address = SocketAddress.ipv4([127, 0, 0, 1], port: port)
    let connected = try unsafe address.withSockaddr { unsafe Glibc.connect(raw, $0, $1) }
    guard connected == 0 else { throw .last("connect to 127.0.0.1:\(port)") }
    var on: CInt = 1
    unsafe setsockopt(raw, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
    descriptor.makeNonblocking()
    return descriptor
  }

  /// Whether somebody listens there who may be connected to.
  package static func canConnect(unix path: String) -> Bool {
    do throws(Errno) {
      _ = try connect(unix: path, within: 1)
      return true
    } catch {
      return false
    }
  }
}
