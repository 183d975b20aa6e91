import CLinux
import Glibc

/// Sockets that accept connections.
package enum ListeningSocket {
  /// How long a queue of waiting connections is, and who may connect to a unix socket.
  package struct Options: Sendable {
    package let backlog: CInt
    /// Of a unix socket's file.
    package let mode: mode_t
    /// Nil is whoever binds.
    package let owner: uid_t?
    package let group: gid_t?

    package init(backlog: CInt, mode: mode_t = 0o660, owner: uid_t? = nil, group: gid_t? = nil) {
      self.backlog = backlog
      self.mode = mode
      self.owner = owner
      self.group = group
    }
  }

  /// Binds and listens. A stale unix socket, on which nobody listens, is replaced.
  ///
  /// - Parameters:
  ///   - name: what faults call it.
  ///   - fellows: sockets of this server on the same port, which this one may overlap: they are about to go.
  ///   - user: the service's, for the file of a unix socket; see `Folder`.
  package static func open(
    _ address: SocketAddress, name: String, options: Options, besides fellows: [CInt] = [], user: ServiceUser? = nil
  ) throws(Errno) -> FileDescriptor {
    let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let raw = socket(address.family, type, 0)
    guard raw >= 0 else { throw .last("socket for \(name)") }
    let descriptor = FileDescriptor(owning: raw)
    if case .unix(let path) = address {
      try bind(raw, toFile: path, name: name, options, user)
    } else {
      set(raw, SOL_SOCKET, SO_REUSEADDR, 1)
      // An IPv6 listener serves IPv6 alone: what it takes does not depend on a sysctl.
      if case .ipv6 = address { set(raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
      // Accepted sockets inherit it.
      set(raw, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
      do throws(Errno) {
        try bind(raw, address, name: name)
      } catch {
        guard error.code == EADDRINUSE, !fellows.isEmpty else { throw error }
        return try bindBesides(fellows, descriptor, address, name: name, options)
      }
    }
    guard listen(raw, options.backlog) == 0 else { throw .last("listen on \(name)") }
    return descriptor
  }

  /// Makes the file of a unix socket, which is born with its permissions: there is no moment in which others could connect,
  /// and before it listens nobody can. Its owner is changed by a descriptor of it.
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
    // The file gets the mode of the socket, which the kernel changes by the umask alone.
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
    // What was made with the rights of somebody else belongs to whoever has started the server all the same.
    let isOthers = folder.actor != nil
    try SocketFile.change(
      file, status, path,
      Options(
        backlog: options.backlog, mode: options.mode, owner: options.owner ?? (isOthers ? geteuid() : nil),
        group: options.group ?? (isOthers ? getegid() : nil)))
  }

  /// The kernel lets sockets of one user overlap if all of them agree; they do so for this moment alone.
  private static func bindBesides(
    _ fellows: [CInt], _ descriptor: consuming FileDescriptor, _ address: SocketAddress, name: String,
    _ options: Options
  ) throws(Errno) -> FileDescriptor {
    let all = fellows + [descriptor.raw]
    for fd in all { set(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
    defer { for fd in all { set(fd, SOL_SOCKET, SO_REUSEPORT, 0) } }
    try bind(descriptor.raw, address, name: name)
    guard listen(descriptor.raw, options.backlog) == 0 else { throw .last("listen on \(name)") }
    return descriptor
  }

  private static func bind(_ fd: CInt, _ address: SocketAddress, name: String) throws(Errno) {
    guard try unsafe address.withSockaddr({ unsafe Glibc.bind(fd, $0, $1) }) == 0 else { throw .last("bind \(name)") }
  }

  /// Gives a socket of this server's own, which listens already, what its listener is configured with by now.
  package static func change(_ fd: CInt, file: SocketFile?, _ options: Options) throws(Errno) {
    guard listen(fd, options.backlog) == 0 else { throw .last("listen") }
    try file?.change(options)
  }

  /// Removes a socket on which nobody listens; in a folder as /tmp, if it is one's own.
  private static func removeStaleSocket(_ folder: borrowing Folder) {
    guard let file = try? folder.look(), let status = try? FileStatus(of: file.raw, folder.path),
      status.kind == S_IFSOCK, !folder.isShared || status.owner == geteuid()
    else { return }
    let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard probe >= 0 else { return }
    let descriptor = FileDescriptor(owning: probe)
    // The very file that was looked at; whose it is does not matter to know whether somebody listens.
    let address = SocketAddress.unix("/proc/self/fd/\(file.raw)")
    let connected = unsafe try? address.withSockaddr { unsafe connect(descriptor.raw, $0, $1) }
    if connected == -1, errno == ECONNREFUSED, folder.status()?.identity == status.identity { folder.remove() }
  }

  /// Makes a socket that somebody else has opened like those opened here. Its backlog is left alone.
  package static func adopt(_ fd: CInt) {
    outrider_fcntl(fd, F_SETFD, FD_CLOEXEC)
    outrider_fcntl(fd, F_SETFL, outrider_fcntl(fd, F_GETFL, 0) | O_NONBLOCK)
    if boundAddress(fd).family != AF_UNIX { set(fd, CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
  }

  /// Whether a connection is to be accepted only when its first bytes have come, or after a second without any: so a
  /// worker that serves one connection at a time is not held by clients that say nothing (tcp(7), TCP_DEFER_ACCEPT).
  package static func deferAccept(_ fd: CInt, _ isWanted: Bool) {
    if boundAddress(fd).family != AF_UNIX { set(fd, CInt(IPPROTO_TCP), TCP_DEFER_ACCEPT, isWanted ? 1 : 0) }
  }

  /// How clients that have vanished without a word are found: accepted sockets inherit it (tcp(7)).
  ///
  /// - Parameters:
  ///   - idle: seconds without a word before a client is probed, three times in half as long; 0 probes none.
  ///   - patience: seconds that what was sent may stay unacknowledged, or the client without room, at least.
  package static func keepAlive(_ fd: CInt, idle: Int, patience: Int) {
    guard boundAddress(fd).family != AF_UNIX else { return }
    let (level, probes) = (CInt(IPPROTO_TCP), 3)
    let interval = max(1, idle / (2 * probes))
    set(fd, SOL_SOCKET, SO_KEEPALIVE, idle > 0 ? 1 : 0)
    if idle > 0 {
      set(fd, level, TCP_KEEPIDLE, CInt(clamping: idle))
      set(fd, level, TCP_KEEPINTVL, CInt(clamping: interval))
      set(fd, level, TCP_KEEPCNT, CInt(probes))
    }
    let limit = max(idle + probes * interval, patience)
    set(fd, level, TCP_USER_TIMEOUT, idle > 0 ? CInt(clamping: limit * 1000) : 0)
  }

  /// Whether a connection waits to be accepted.
  package static func hasNewcomers(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&entry, 1, 0) > 0
  }

  /// How many connections wait to be accepted; for a unix socket, which does not tell, as many as there may well be.
  package static func backlogLength(_ fd: CInt) -> Int {
    var info = tcp_info()
    var size = socklen_t(MemoryLayout<tcp_info>.size)
    guard unsafe getsockopt(fd, CInt(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { return 64 }
    // Of a socket that listens, this is the length of its queue.
    return Int(info.tcpi_unacked)
  }

  /// Whether `fd` is a stream socket, of TCP or with a file, on which somebody listens.
  package static func isListening(_ fd: CInt) -> Bool {
    let families = [AF_INET, AF_INET6, AF_UNIX]
    return isStreamSocket(fd) && get(fd, SO_ACCEPTCONN) == 1
      && families.contains { get(fd, SO_DOMAIN) == $0 }
  }

  /// Whether a socket that has listened at `address` can be served: what shares it can end that, connect it to somebody, give
  /// it another address or have it drop what comes.
  package static func serves(_ fd: CInt, _ address: SocketAddress) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(OUTRIDER_POLLRDHUP), revents: 0)
    let isShut = unsafe poll(&entry, 1, 0) > 0
    return isListening(fd) && !isShut && !refusesNewcomers(fd) && boundAddress(fd) == address
  }

  /// The close of it waits for nobody, and its address can be bound anew.
  package static func prepareToClose(_ fd: CInt) {
    var option = Glibc.linger(l_onoff: 0, l_linger: 0)
    unsafe setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<Glibc.linger>.size))
    if boundAddress(fd).family != AF_UNIX { set(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
  }

  /// Whether it is one that could be listened on; the processes that share it can end that.
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
