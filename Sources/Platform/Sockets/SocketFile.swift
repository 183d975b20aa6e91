import CLinux
import Glibc

/// The file that a unix socket is bound to.
package struct SocketFile: Sendable {
  package let path: String
  /// Device and inode, by which it is known from another of the same path. As long as the socket is there no other file has
  /// them.
  package let identity: String
  /// The service's user, see `Folder`.
  package let user: ServiceUser?
  /// The kernel has told which file it is, and not the path, to which somebody else may have moved another by then.
  let isCertain: Bool

  /// The file of `socket`; nil if it has none, as those of TCP.
  package init?(boundTo socket: CInt, user: ServiceUser?) {
    guard let path = SocketFile.path(of: socket) else { return nil }
    if let identity = SocketFile.identity(of: socket) {
      self.init(path: path, identity: identity, user: user, isCertain: true)
    } else if let identity = SocketFile.identity(path, user) {
      self.init(path: path, identity: identity, user: user, isCertain: false)
    } else {
      return nil
    }
  }

  /// A descriptor of the very file that `socket` is bound to, which nothing can be read or written by; nil if the kernel
  /// does not tell: that takes CAP_NET_ADMIN.
  static func bound(to socket: CInt) -> FileDescriptor? {
    let raw = outrider_bound_file(socket)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  private static func identity(of socket: CInt) -> String? {
    guard let file = bound(to: socket) else { return nil }
    return try? FileStatus(of: file.raw, "look at a socket").identity
  }

  private static func path(of socket: CInt) -> String? {
    guard case .unix(let path) = ListeningSocket.boundAddress(socket), path.utf8.first == UInt8(ascii: "/") else {
      return nil
    }
    return path
  }

  /// What a former program of this process has found out: see `saved`.
  package init?(boundTo socket: CInt, saved: String) {
    guard let path = SocketFile.path(of: socket) else { return nil }
    let parts = saved.split(separator: "/", maxSplits: 1)
    let user = parts.count == 2 ? ServiceUser(text: parts[1].split(separator: "/").joined(separator: " ")) : nil
    let told = SocketFile.identity(of: socket)
    self.init(
      path: path, identity: told ?? parts.first.map(String.init) ?? "", user: user, isCertain: told != nil)
  }

  /// Identity and user as one word.
  package var saved: String {
    identity + (user.map { "/" + $0.text.split(separator: " ").joined(separator: "/") } ?? "")
  }

  init(path: String, identity: String, user: ServiceUser?, isCertain: Bool) {
    self.path = path
    self.identity = identity
    self.user = user
    self.isCertain = isCertain
  }

  /// The same file, of a service with another user.
  package func of(_ user: ServiceUser?) -> SocketFile {
    SocketFile(path: path, identity: identity, user: user, isCertain: isCertain)
  }

  /// Removes the file, if it is still there.
  package func remove() {
    guard let folder = try? Folder(of: path, user: user), folder.status()?.identity == identity else { return }
    folder.remove()
  }

  private static func identity(_ path: String, _ user: ServiceUser?) -> String? {
    guard let folder = try? Folder(of: path, user: user), let status = folder.status(), status.kind == S_IFSOCK else {
      return nil
    }
    return status.identity
  }

  /// Gives the file these permissions and owners, and no other file, whatever has its name by now. Nothing is done where
  /// nothing is to be changed.
  func change(_ options: ListeningSocket.Options) throws(Errno) {
    let folder = try Folder(of: path, user: user)
    let file = try folder.look()
    let status = try FileStatus(of: file.raw, "change \(path)")
    // A file that has taken its place is nobody's business here.
    guard status.kind == S_IFSOCK, status.identity == identity else { return }
    // Whoever can write to the folder may have moved somebody else's socket there before its identity was asked for.
    if !isCertain, folder.actor != nil {
      let isAsWanted =
        status.mode == options.mode && status.owner == options.owner ?? status.owner
        && status.group == options.group ?? status.group
      guard !isAsWanted else { return }
      throw Errno(
        code: EPERM,
        attempt: "change \(path): server.user can write to its folder, and without CAP_NET_ADMIN it is not known "
          + "whether the file there is the socket's; a restart makes it anew")
    }
    try SocketFile.change(file, status, path, options)
  }

  /// - Parameter file: a socket's, opened with O_PATH.
  static func change(
    _ file: borrowing FileDescriptor, _ status: FileStatus, _ path: String, _ options: ListeningSocket.Options
  ) throws(Errno) {
    let (owner, group) = (options.owner ?? status.owner, options.group ?? status.group)
    if owner != status.owner || group != status.group {
      guard outrider_change_owner(file.raw, owner, group) == 0 else { throw .last("change the owner of \(path)") }
    }
    guard status.mode != options.mode else { return }
    // Of a descriptor as this one the mode can be changed by its name alone, which leads to this very file.
    guard unsafe chmod("/proc/self/fd/\(file.raw)", options.mode) == 0 else { throw .last("chmod \(path)") }
  }
}
