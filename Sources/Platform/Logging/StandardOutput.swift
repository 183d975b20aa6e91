import Glibc

/// Writes a program's output. Incomplete output is an error: the program exits with `ExitCode.ioError`.
package enum StandardOutput {
  /// Writes all of `text`.
  package static func write(_ text: String) throws(Errno) {
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written...])
        return retryingInterrupts { unsafe Glibc.write(1, rest.baseAddress, rest.count) }
      }
      if count >= 0 {
        written += count
      } else if errno == EAGAIN {
        // A process that shares standard output has made it nonblocking.
        _ = ConnectedSocket.wait(1, writing: true, deadline: .max)
      } else {
        throw .last("standard output")
      }
    }
  }
}
