import CLinux
import Glibc

/// Writing to standard error without blocking, although other processes share it.
enum StandardError {
  /// Writes as much as there is room for, without waiting. Returns the number of bytes, or -1.
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

  /// Writes to a pipe or a terminal. If the kernel has no nonblocking write for it, room is checked first. Another
  /// process may use up the room, or stop the terminal, before the write. This can't happen if the description is this
  /// process's own and nonblocking.
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

  /// Replaces a pipe or a terminal by a nonblocking description of its own, whose flags no other process can change.
  /// Nothing changes if it can't be opened again: without /proc, or if it belongs to another user.
  static func separate() {
    var status = stat()
    guard unsafe fstat(2, &status) == 0, [S_IFIFO, S_IFCHR].contains(status.st_mode & S_IFMT),
      let own = try? LogFile.openOwn("/proc/self/fd/2")
    else { return }
    // Standard error has to survive an exec.
    _ = dup2(own.raw, 2)
  }
}
