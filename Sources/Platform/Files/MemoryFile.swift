import CLinux
import Glibc

/// Bytes in an anonymous file, for another process or another program of this one. Its size, and where it is not written
/// any more its contents, are sealed: no reader of it meets its end too early (memfd_create(2)).
package enum MemoryFile {
  /// - Parameter name: what /proc shows.
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

  /// One of `size` zeros, which is yet to be sealed.
  static func empty(name: String, size: Int) throws(Errno) -> FileDescriptor {
    let raw = unsafe outrider_memfd(name)
    guard raw >= 0 else { throw .last("memfd_create") }
    let file = FileDescriptor(owning: raw)
    guard ftruncate(raw, size) == 0 else { throw .last("ftruncate of a memfd") }
    return file
  }

  /// Its size can't change any more; what is in it can.
  static func sealSize(_ file: borrowing FileDescriptor) throws(Errno) {
    guard outrider_seal(file.raw, CInt(OUTRIDER_SEAL_SIZE)) == 0 else { throw .last("seal a memfd") }
  }

  /// The size of a file that another process has sent, or left to this one; nil if it is no memfd, or if its size can
  /// change.
  package static func sealedSize(of file: CInt) -> Int? {
    guard outrider_seals(file) >= 0, outrider_seals(file) & CInt(OUTRIDER_SEAL_SIZE) != 0 else { return nil }
    return try? FileStatus(of: file, "").size
  }

  /// The bytes of one that `make` has made, in another process or not; nil if it is something else, or larger than `limit`.
  package static func contents(of file: borrowing FileDescriptor, limit: Int) -> [UInt8]? {
    guard let size = sealedSize(of: file.raw), size <= limit,
      outrider_seals(file.raw) & CInt(OUTRIDER_SEAL_CONTENTS) != 0
    else { return nil }
    return bytes(of: file.raw, count: size)
  }

  /// Likewise of a memfd that an earlier version of this program has made, which sealed none.
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
