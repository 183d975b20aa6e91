import CLinux
import Glibc

/// Bytes in an anonymous file, which outlives an exec.
package enum MemoryFile {
  /// - Parameter name: what /proc shows.
  package static func make(name: String, contents: [UInt8]) throws(Errno) -> FileDescriptor {
    let raw = unsafe outrider_memfd(name)
    guard raw >= 0 else { throw .last("memfd_create") }
    let file = FileDescriptor(owning: raw)
    var written = 0
    while written < contents.count {
      let count = unsafe contents.withUnsafeBytes { bytes in
        retryingInterrupts { unsafe pwrite(raw, bytes.baseAddress! + written, bytes.count - written, off_t(written)) }
      }
      guard count > 0 else { throw .last("write to a memfd") }
      written += count
    }
    return file
  }
}
