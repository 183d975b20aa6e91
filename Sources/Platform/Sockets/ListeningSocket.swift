import CLinux
import Glibc

/// Sockets that accept connections.
package enum ListeningSocket {
  /// Who may connect to a unix socket: its owner and group.
  private static let unixMode: mode_t = 0o660

  /// Binds and listens. A stale unix socket, on which nobody listens, is replaced.
  package static func open(_ address: SocketAddress, name: String, backlog: Int) throws(Errno) -> FileDescriptor {
    let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let raw = socket(address.family, type, 0)
    guard raw >= 0 else { throw .last("socket for \(name)") }
    let descriptor = FileDescriptor(owning: raw)
    if case .unix(let path) = address {
      try removeStaleSocket(address, path: path)
    } else {
      set(raw, SOL_SOCKET, SO_REUSEADDR, 1)
      // An IPv6 listener serves IPv6 alone: what it takes does not depend on a sysctl.
      if case .ipv6 = address { set(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
      // Accepted sockets inherit it.
      set(raw, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    }
    guard try unsafe address.withSockaddr({ unsafe bind(raw, $0, $1) }) == 0 else { throw .last("bind \(name)") }
    if case .unix(let path) = address, unsafe chmod(path, unixMode) != 0 { throw .last("chmod \(path)") }
    guard listen(raw, CInt(clamping: backlog)) == 0 else { throw .last("listen on \(name)") }
    return descriptor
  }

  private static func removeStaleSocket(_ address: SocketAddress, path: String) throws(Errno) {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { throw .last("socket for unix:\(path)") }
    let descriptor = FileDescriptor(owning: probe)
    let connected = try unsafe address.withSockaddr { unsafe connect(descriptor.raw, $0, $1) }
    if connected != 0 && errno == ECONNREFUSED { unsafe unlink(path) }
  }

  static func set(_ fd: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
    var value = value
    unsafe setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }

  /// The address that `fd` is bound to, with the port the kernel chose where 0 was asked for.
  package static func boundAddress(_ fd: CInt) -> SocketAddress {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = unsafe getsockname(fd, $0, &size) }
    }
    return SocketAddress(storage)
  }
}
