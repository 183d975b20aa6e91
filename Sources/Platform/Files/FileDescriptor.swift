import CLinux
import Glibc

/// The owner of a file descriptor, which is closed with the value.
///
/// Every descriptor made here is close-on-exec from the start.
package struct FileDescriptor: ~Copyable, Sendable {
  package let raw: CInt

  /// Takes ownership of `raw`, which nobody else may close.
  package init(owning raw: CInt) { self.raw = raw }

  deinit { Glibc.close(raw) }

  /// Transfers the descriptor to the caller without closing it.
  package consuming func release() -> CInt {
    let raw = raw
    discard self
    return raw
  }

  package static func open(_ path: String, flags: CInt, mode: mode_t = 0) throws(Errno) -> FileDescriptor {
    let raw = retryingInterrupts { unsafe outrider_open(path, flags | O_CLOEXEC, mode) }
    guard raw >= 0 else { throw .last("open \(path)") }
    return FileDescriptor(owning: raw)
  }

  /// Makes reads and writes nonblocking.
  package borrowing func makeNonblocking() {
    outrider_fcntl(raw, F_SETFL, outrider_fcntl(raw, F_GETFL, 0) | O_NONBLOCK)
  }

  /// Reads once; 0 is the end of the file.
  package borrowing func read(into buffer: inout [UInt8], attempt: @autoclosure () -> String) throws(Errno) -> Int {
    let raw = raw
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      retryingInterrupts { unsafe Glibc.read(raw, bytes.baseAddress, bytes.count) }
    }
    guard count >= 0 else { throw .last(attempt()) }
    return count
  }

  /// Writes all bytes. The descriptor has to be blocking.
  package borrowing func write(_ bytes: [UInt8], attempt: @autoclosure () -> String) throws(Errno) {
    let raw = raw
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
        return retryingInterrupts { unsafe Glibc.write(raw, rest.baseAddress, rest.count) }
      }
      guard count >= 0 else { throw .last(attempt()) }
      written += count
    }
  }
}

/// Repeats a system call that a signal interrupted.
@inline(__always)
package func retryingInterrupts<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
