import Glibc

/// The file that a unix socket is bound to.
package struct SocketFile: Sendable {
  package let path: String
  /// Device and inode, by which it is known from another of the same path.
  package let identity: String

  /// The file of `socket`; nil if it has none, as those of TCP.
  ///
  /// - Parameter identity: as it was found out before; nil looks it up.
  package init?(boundTo socket: CInt, identity: String? = nil) {
    guard case .unix(let path) = ListeningSocket.boundAddress(socket), path.utf8.first == UInt8(ascii: "/"),
      let identity = identity ?? SocketFile.identity(path)
    else { return nil }
    self.path = path
    self.identity = identity
  }

  /// No other has taken its place.
  package var isThere: Bool { SocketFile.identity(path) == identity }

  /// Removes the file, if it is still there.
  package func remove() {
    if isThere { unsafe unlink(path) }
  }

  private static func identity(_ path: String) -> String? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    return "\(status.st_dev):\(status.st_ino)"
  }
}
