import Glibc

/// The file that a unix socket is bound to.
package struct SocketFile: Sendable {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  /// The file of `socket`; nil if it has none, as those of TCP.
  package init?(boundTo socket: CInt) {
    guard case .unix(let path) = ListeningSocket.boundAddress(socket), path.utf8.first == UInt8(ascii: "/"),
      let (device, inode) = SocketFile.identity(path)
    else { return nil }
    self.path = path
    self.device = device
    self.inode = inode
  }

  /// Removes the file, unless another has taken its place.
  package func remove() {
    guard let present = SocketFile.identity(path), present == (device, inode) else { return }
    unsafe unlink(path)
  }

  private static func identity(_ path: String) -> (dev_t, ino_t)? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    return (status.st_dev, status.st_ino)
  }
}
