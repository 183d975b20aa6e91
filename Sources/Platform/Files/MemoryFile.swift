import CLinux
import Glibc

/// An anonymous file for another process or another program of this one. Its size is sealed, and its contents too if
/// they are no longer written, so that no reader finds its end too early (memfd_create(2)).
package enum MemoryFile {
  /// - Parameter name: the name in /proc.
  package static func make(name: String, contents: [UInt8]) throws(Errno) -> FileDescriptor {
    let file = try empty(name: name, size: contents.count)
    let raw = file.raw
    var written = 0
    while written < contents.count {
      let count = unsafe contents.withUnsafeBytes { bytes in
        retryingInterrupts { unsafe pwrite(raw, bytes.baseAddress! + written, bytes.count - written, off_t(written)) }
      }
      guard count > 0 else { throw .last("write to a memfd") }
      written += count
    }
    guard outrider_seal(raw, CInt(OUTRIDER_SEAL_SIZE | OUTRIDER_SEAL_CONTENTS)) == 0 else {
      throw .last("seal a memfd")
    }
    return file
  }

  /// A file of `size` zeros, not sealed yet.
  static func empty(name: String, size: Int) throws(Errno) -> FileDescriptor {
    let raw = unsafe outrider_memfd(name)
    guard raw >= 0 else { throw .last("memfd_create") }
    let file = FileDescriptor(owning: raw)
    guard ftruncate(raw, size) == 0 else { throw .last("ftruncate of a memfd") }
    return file
  }

  /// Seals the size of the file; its contents can still change.
  static func sealSize(_ file: borrowing FileDescriptor) throws(Errno) {
    guard outrider_seal(file.raw, CInt(OUTRIDER_SEAL_SIZE)) == 0 else { throw .last("seal a memfd") }
  }

  /// The size of a file from another process or an earlier program; nil if it is not a memfd or its size can change.
  package static func sealedSize(of file: CInt) -> Int? {
    guard outrider_seals(file) >= 0, outrider_seals(file) & CInt(OUTRIDER_SEAL_SIZE) != 0 else { return nil }
    return try? FileStatus(of: file, "").size
  }

  /// The contents of a file that `make` has made, in any process; nil if it is another file, or larger than `limit`.
  package static func contents(of file: borrowing FileDescriptor, limit: Int) -> [UInt8]? {
    guard let size = sealedSize(of: file.raw), size <= limit,
      outrider_seals(file.raw) & CInt(OUTRIDER_SEAL_CONTENTS) != 0
    else { return nil }
    return bytes(of: file.raw, count: size)
  }

  /// The same for a memfd of an earlier version of this program, which did not seal files.
  package static func unsealedContents(of file: borrowing FileDescriptor, limit: Int) -> [UInt8]? {
    guard outrider_seals(file.raw) >= 0, let size = try? FileStatus(of: file.raw, "").size, size <= limit else {
      return nil
    }
    return bytes(of: file.raw, count: size)
  }

  private static func bytes(of file: CInt, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let read = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe FileContents.read(file, at: UInt64(done), into: buffer.baseAddress! + done, count: count - done)
      }
      guard read > 0 else { return nil }
      done += read
    }
    return bytes
  }
}
