import CLinux
import Glibc

/// Writing to standard error, which others share, without ever waiting for them.
enum StandardError {
  /// Writes what there is room for, at once; how much that was, or -1.
  static func write(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var status = stat()
    unsafe fstat(2, &status)
    return retryingInterrupts {
      switch status.st_mode & S_IFMT {
      case S_IFREG: return unsafe Glibc.write(2, bytes.baseAddress, bytes.count)
      case S_IFSOCK: return unsafe send(2, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL))
      default: return unsafe writeToPipe(bytes)
      }
    }
  }

  /// A pipe or a terminal. Where the kernel can't be told not to wait, it is asked for room first; somebody else may take
  /// that, or stop the terminal, before the write. Nobody can if the description is this process's own and does not wait.
  private static func writeToPipe(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    let written = unsafe outrider_write_nowait(2, bytes.baseAddress, bytes.count)
    guard written < 0, [EOPNOTSUPP, EINVAL, ENOSYS].contains(errno) else { return written }
    var poll = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
    guard unsafe Glibc.poll(&poll, 1, 0) > 0 else {
      errno = EAGAIN
      return -1
    }
    return unsafe Glibc.write(2, bytes.baseAddress, bytes.count)
  }

  /// From now on this process has a pipe or a terminal by a description of its own, whose flags nobody else can change,
  /// and which does not wait. It stays as it is where it can't be opened anew: without /proc, or as another user's.
  static func separate() {
    var status = stat()
    guard unsafe fstat(2, &status) == 0, [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT),
      let own = try? LogFile.openOwn("/proc/self/fd/2")
    else { return }
    // Standard error is kept by the next program of this process.
    _ = dup2(own.raw, 2)
  }
}
