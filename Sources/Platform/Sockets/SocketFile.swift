import CLinux
import Glibc

/// The file that a unix socket is bound to.
package struct SocketFile: Sendable {
  package let path: String
  /// Device and inode, which no other file has while the socket is open.
  package let identity: String
  /// The service's user, see `Folder`.
  package let user: ServiceUser?
  /// Whether the identity comes from the kernel, and not from the path, where another process may have moved another
  /// file.
  let isCertain: Bool

  /// The file of `socket`; nil for TCP.
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

  /// An O_PATH descriptor of the file that `socket` is bound to; nil without CAP_NET_ADMIN.
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

  /// Restores the form that a former program of this process has saved.
  package init?(boundTo socket: CInt, saved: String) {
    guard let path = SocketFile.path(of: socket) else { return nil }
    let parts = saved.split(separator: "/", maxSplits: 1)
    let user = parts.count == 2 ? ServiceUser(text: parts[1].split(separator: "/").joined(separator: " ")) : nil
    let certain = SocketFile.identity(of: socket)
    self.init(
      path: path, identity: certain ?? parts.first.map(String.init) ?? "", user: user, isCertain: certain != nil)
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

  /// The same file for a service with another user.
  package func of(_ user: ServiceUser?) -> SocketFile {
    SocketFile(path: path, identity: identity, user: user, isCertain: isCertain)
  }

  /// Removes the file if it still exists.
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

  /// Changes permissions and owner of this file, but not of another file that has replaced it.
  func change(_ options: ListeningSocket.Options) throws(Errno) {
    let folder = try Folder(of: path, user: user)
    let file = try folder.look()
    let status = try FileStatus(of: file.raw, "change \(path)")
    // Another file has taken its name.
    guard status.kind == S_IFSOCK, status.identity == identity else { return }
    // A user with write access to the folder may have moved another socket there before the identity was read.
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

  /// - Parameter file: an O_PATH descriptor of a socket's file.
  static func change(
    _ file: borrowing FileDescriptor, _ status: FileStatus, _ path: String, _ options: ListeningSocket.Options
  ) throws(Errno) {
    let (owner, group) = (options.owner ?? status.owner, options.group ?? status.group)
    if owner != status.owner || group != status.group {
      guard outrider_change_owner(file.raw, owner, group) == 0 else { throw .last("change the owner of \(path)") }
    }
    guard status.mode != options.mode else { return }
    // The mode of an O_PATH descriptor can only be changed through this path, which leads to the same file.
    guard unsafe chmod("/proc/self/fd/\(file.raw)", options.mode) == 0 else { throw .last("chmod \(path)") }
  }
}
