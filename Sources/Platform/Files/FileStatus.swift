import Glibc

/// The kernel's information about an open file.
package struct FileStatus: Sendable {
  /// `S_IFREG`, `S_IFDIR`, or another file type.
  package let kind: mode_t
  /// The permissions, with the set-ID and sticky bits.
  package let mode: mode_t
  package let owner: uid_t
  package let group: gid_t
  package let size: Int
  /// The number of its links.
  package let links: UInt
  /// Device and inode, which no other file has while this one exists or is open.
  package let identity: String

  package init(of descriptor: CInt, _ attempt: @autoclosure () -> String) throws(Errno) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .last(attempt()) }
    kind = status.st_mode & S_IFMT
    mode = status.st_mode & 0o7777
    owner = status.st_uid
    group = status.st_gid
    size = Int(clamping: status.st_size)
    links = UInt(status.st_nlink)
    identity = "\(status.st_dev):\(status.st_ino)"
  }

  /// The kind in words, with its article.
  package var kindName: String {
    switch kind {
    case S_IFREG: "a file"
    case S_IFDIR: "a directory"
    case S_IFLNK: "a symbolic link"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    default: "something else"
    }
  }
}
