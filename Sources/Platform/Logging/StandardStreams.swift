import CLinux
import Glibc

/// Standard input, output and error. The latter two may be the same file.
package enum StandardStreams {
  /// Opens /dev/null for each of them that is closed. Otherwise the next descriptor would get its number, and log lines
  /// could be written to a socket. Called first in a program.
  package static func openMissing() {
    for fd: CInt in 0...2 where outrider_fcntl(fd, F_GETFD, 0) < 0 && errno == EBADF {
      // It gets the lowest free number, and is inherited by executed programs.
      let null = unsafe outrider_open("/dev/null", O_RDWR, 0)
      if null >= 0 && null != fd { Glibc.close(null) }
    }
  }

  /// Sets O_APPEND on files, so that no writer overwrites the lines of another.
  package static func appendToFiles() {
    for fd: CInt in [1, 2] {
      var status = stat()
      guard unsafe fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      let flags = outrider_fcntl(fd, F_GETFL, 0)
      if flags >= 0 && flags & O_APPEND == 0 { outrider_fcntl(fd, F_SETFL, flags | O_APPEND) }
    }
  }
}
