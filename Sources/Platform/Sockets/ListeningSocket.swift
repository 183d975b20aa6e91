import CLinux
import Glibc

/// Sockets that accept connections.
package enum ListeningSocket {
  /// The length of the backlog, and the permissions and options of a socket.
  package struct Options: Sendable {
    package let backlog: CInt
    /// The permissions of a unix socket's file.
    package let mode: mode_t
    /// Nil for the user that binds.
    package let owner: uid_t?
    package let group: gid_t?
    /// An IPv6 socket accepts no IPv4 clients.
    package let isIPv6Only: Bool

    package init(
      backlog: CInt, mode: mode_t = 0o660, owner: uid_t? = nil, group: gid_t? = nil, isIPv6Only: Bool = true
    ) {
      self.backlog = backlog
      self.mode = mode
      self.owner = owner
      self.group = group
      self.isIPv6Only = isIPv6Only
    }
  }

  /// Binds and listens. Replaces the file of a unix socket on which no process listens.
  ///
  /// - Parameters:
  ///   - name: its name in errors.
  ///   - samePort: sockets of this server on the same port, which this one may overlap: they are about to be closed.
  ///   - user: the service's user, for the file of a unix socket; see `Folder`.
  package static func open(
    _ address: SocketAddress, name: String, options: Options, besides samePort: [CInt] = [], user: ServiceUser? = nil
  ) throws(Errno) -> FileDescriptor {
    let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let raw = socket(address.family, type, 0)
    guard raw >= 0 else { throw .last("socket for \(name)") }
    let descriptor = FileDescriptor(owning: raw)
    if case .unix(let path) = address {
      try bind(raw, toFile: path, name: name, options, user)
    } else {
      set(raw, SOL_SOCKET, SO_REUSEADDR, 1)
      // Independent of the sysctl net.ipv6.bindv6only.
      if case .ipv6 = address { set(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, options.isIPv6Only ? 1 : 0) }
      // Accepted sockets inherit it.
      set(raw, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
      do throws(Errno) {
        try bind(raw, address, name: name)
      } catch {
        guard error.code == EADDRINUSE, !samePort.isEmpty else { throw error }
        return try bindBesides(samePort, descriptor, address, name: name, options)
      }
    }
    guard listen(raw, options.backlog) == 0 else { throw .last("listen on \(name)") }
    return descriptor
  }

  /// Makes the file of a unix socket with its final permissions, before it listens, so that no other user can connect
  /// at any moment. The owner is changed through a descriptor of the file.
  private static func bind(
    _ fd: CInt, toFile path: String, name: String, _ options: Options, _ user: ServiceUser?
  ) throws(Errno) {
    let folder: Folder
    do throws(Errno) {
      folder = try Folder(of: path, user: user)
    } catch {
      throw Errno(code: error.code, attempt: "bind \(name): \(error.attempt)")
    }
    removeStaleSocket(folder)
    // The file gets the mode of the socket, reduced by the umask.
    guard fchmod(fd, options.mode & 0o777) == 0 else { throw .last("chmod of the socket for \(name)") }
    try ServiceUser.acting(as: folder.actor) { () throws(Errno) in
      let former = umask(0)
      defer { umask(former) }
      try bind(fd, .unix(path), name: name)
    }
    let file: FileDescriptor
    if let bound = SocketFile.bound(to: fd) {
      file = bound
    } else {
      file = try folder.look()
    }
    let status = try FileStatus(of: file.raw, "bind \(name)")
    guard status.kind == S_IFSOCK, status.owner == folder.actor?.id ?? geteuid() else {
      throw Errno(code: EBUSY, attempt: "bind \(name): another file has taken its place")
    }
    // A file that was made with another user's rights gets the user that started the server as its owner.
    let isOthers = folder.actor != nil
    do throws(Errno) {
      try SocketFile.change(
        file, status, path,
        Options(
          backlog: options.backlog, mode: options.mode, owner: options.owner ?? (isOthers ? geteuid() : nil),
          group: options.group ?? (isOthers ? getegid() : nil)))
    } catch {
      // The socket will never listen.
      if folder.status()?.identity == status.identity { folder.remove() }
      throw error
    }
  }

  /// The kernel allows sockets of one user to overlap if all have SO_REUSEPORT: it is set only for this call.
  private static func bindBesides(
    _ samePort: [CInt], _ descriptor: consuming FileDescriptor, _ address: SocketAddress, name: String,
    _ options: Options
  ) throws(Errno) -> FileDescriptor {
    let all = samePort + [descriptor.raw]
    for fd in all { set(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
    defer { for fd in all { set(fd, SOL_SOCKET, SO_REUSEPORT, 0) } }
    try bind(descriptor.raw, address, name: name)
    guard listen(descriptor.raw, options.backlog) == 0 else { throw .last("listen on \(name)") }
    return descriptor
  }

  private static func bind(_ fd: CInt, _ address: SocketAddress, name: String) throws(Errno) {
    guard try unsafe address.withSockaddr({ unsafe Glibc.bind(fd, $0, $1) }) == 0 else { throw .last("bind \(name)") }
  }

  /// Applies changed options to a listening socket of this server.
  package static func change(_ fd: CInt, file: SocketFile?, _ options: Options) throws(Errno) {
    guard listen(fd, options.backlog) == 0 else { throw .last("listen") }
    try file?.change(options)
  }

  /// Removes the file of a unix socket on which no process listens; in a shared folder such as /tmp only that of the
  /// same user.
  private static func removeStaleSocket(_ folder: borrowing Folder) {
    guard let file = try? folder.look(), let status = try? FileStatus(of: file.raw, folder.path),
      status.kind == S_IFSOCK, !folder.isShared || status.owner == geteuid()
    else { return }
    let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard probe >= 0 else { return }
    let descriptor = FileDescriptor(owning: probe)
    // The path refers to the examined file. Whether a process listens does not depend on the owner.
    let address = SocketAddress.unix("/proc/self/fd/\(file.raw)")
    let connected = unsafe try? address.withSockaddr { unsafe connect(descriptor.raw, $0, $1) }
    if connected == -1, errno == ECONNREFUSED, folder.status()?.identity == status.identity { folder.remove() }
  }

  /// Prepares a socket of another process for use here. Its backlog is left unchanged.
  package static func adopt(_ fd: CInt) {
    outrider_fcntl(fd, F_SETFD, FD_CLOEXEC)
    outrider_fcntl(fd, F_SETFL, outrider_fcntl(fd, F_GETFL, 0) | O_NONBLOCK)
    if boundAddress(fd).family != AF_UNIX { set(fd, CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
  }

  /// Sets whether connections are accepted only with their first bytes, or after a second without any. Then silent
  /// clients do not block a worker that serves one connection at a time (tcp(7), TCP_DEFER_ACCEPT).
  package static func deferAccept(_ fd: CInt, _ isOn: Bool) {
    if boundAddress(fd).family != AF_UNIX { set(fd, CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, isOn ? 1 : 0) }
  }

  /// Sets TCP keepalive, which detects clients that have vanished. Accepted sockets inherit it (tcp(7)).
  ///
  /// - Parameters:
  ///   - idle: seconds of silence before a client is probed, three times at half that interval; 0 for no probes.
  ///   - timeout: the minimum number of seconds that data may remain unacknowledged, or the client's window closed.
  package static func keepAlive(_ fd: CInt, idle: Int, timeout: Int) {
    guard boundAddress(fd).family != AF_UNIX else { return }
    let (level, probes) = (CInt(IPPROTO_TCP), 3)
    let interval = max(1, idle / (2 * probes))
    set(fd, SOL_SOCKET, SO_KEEPALIVE, idle > 0 ? 1 : 0)
    if idle > 0 {
      set(fd, level, TCP_KEEPIDLE, CInt(clamping: idle))
      set(fd, level, TCP_KEEPINTVL, CInt(clamping: interval))
      set(fd, level, TCP_KEEPCNT, CInt(probes))
    }
    let limit = max(idle + probes * interval, timeout)
    set(fd, level, TCP_USER_TIMEOUT, idle > 0 ? CInt(clamping: limit * 1000) : 0)
  }

  /// Whether the backlog is not empty.
  package static func hasPendingConnections(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, 0) > 0
  }

  /// The number of connections in the backlog; an upper estimate for a unix socket, which does not report it.
  package static func backlogLength(_ fd: CInt) -> Int {
    var info = tcp_info()
    var size = socklen_t(MemoryLayout<tcp_info>.size)
    guard unsafe getsockopt(fd, CInt(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { return 64 }
    // For a listening socket, this field is the length of the backlog.
    return Int(info.tcpi_unacked)
  }

  /// Whether `fd` is a listening TCP or unix stream socket.
  package static func isListening(_ fd: CInt) -> Bool {
    let families = [AF_INET, AF_INET6, AF_UNIX]
    return isStreamSocket(fd) && get(fd, SO_ACCEPTCONN) == 1
      && families.contains { get(fd, SO_DOMAIN) == $0 }
  }

  /// Whether a socket still listens at `address` and accepts connections. A process that shares it could shut it down,
  /// connect it, or make it drop connections.
  package static func serves(_ fd: CInt, _ address: SocketAddress) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(OUTRIDER_POLLRDHUP), revents: 0)
    let isShut = unsafe poll(&entry, 1, 0) > 0
    return isListening(fd) && !isShut && !refusesNewConnections(fd) && boundAddress(fd) == address
  }

  /// Prepares a close that does not linger and frees the address.
  package static func prepareToClose(_ fd: CInt) {
    var option = Glibc.linger(l_onoff: 0, l_linger: 0)
    unsafe setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<Glibc.linger>.size))
    if boundAddress(fd).family != AF_UNIX { set(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
  }

  /// Whether `fd` is a stream socket, listening or not.
  package static func isStreamSocket(_ fd: CInt) -> Bool { get(fd, SO_TYPE) == CInt(SOCK_STREAM.rawValue) }

  private static func get(_ fd: CInt, _ option: CInt) -> CInt? {
    var value: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    return unsafe getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : nil
  }

  static func set(_ fd: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
    var value = value
    unsafe setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
  }

  /// The address that `fd` is bound to; port 0 is replaced by the port that the kernel has chosen.
  package static func boundAddress(_ fd: CInt) -> SocketAddress {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = unsafe getsockname(fd, $0, &size) }
    }
    return SocketAddress(storage)
  }
}
