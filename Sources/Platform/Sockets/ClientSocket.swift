import CLinux
import Glibc

/// Sockets that connect: for command line programs, which may wait.
package enum ClientSocket {
  /// Connects to a unix socket; reads and writes do not block.
  package static func connect(unix path: String) throws(Errno) -> FileDescriptor {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard raw >= 0 else { throw .last("socket") }
    let descriptor = FileDescriptor(owning: raw)
    let connected = try unsafe SocketAddress.unix(path).withSockaddr { unsafe Glibc.connect(raw, $0, $1) }
    guard connected == 0 else { throw .last("connect to \(path)") }
    outrider_fcntl(raw, F_SETFL, outrider_fcntl(raw, F_GETFL, 0) | O_NONBLOCK)
    return descriptor
  }
}
