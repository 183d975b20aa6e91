import CLinux
import Glibc

/// Standard output and standard error, which may lead to one file.
package enum StandardStreams {
  /// Whoever writes to them, by whatever description: lines go to the end of a file, and none over another.
  package static func appendToFiles() {
    for fd: CInt in [1, 2] {
      var status = stat()
      guard unsafe fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let flags = outrider_fcntl(fd, F_GETFL, 0)
      if flags >= 0 && flags & O_APPEND == 0 { outrider_fcntl(fd, F_SETFL, flags | O_APPEND) }
    }
  }
}
