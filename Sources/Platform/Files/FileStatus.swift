import Glibc

/// What the kernel tells of a file by a descriptor of it.
package struct FileStatus: Sendable {
  /// One of `S_IFREG`, `S_IFDIR` and their like.
  package let kind: mode_t
  /// The permissions, and the bits beside them.
  package let mode: mode_t
  package let owner: uid_t
  package let group: gid_t
  package let size: Int
  /// How many names it has.
  package let links: UInt
  /// Device and inode: no other file has them as long as this one is there, or open.
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

  /// With its article.
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
