import Glibc

/// Whole small files, such as the configuration.
package enum FileContents {
  /// The first `count` bytes of a file, or all if it has fewer.
  package static func prefix(path: String, count: Int) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(path, flags: O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: count)
    while bytes.count < count {
      let read = try file.read(into: &chunk, attempt: "read \(path)")
      if read == 0 { break }
      bytes.append(contentsOf: chunk[..<min(read, count - bytes.count)])
    }
    return bytes
  }

  /// As pread(2), into memory of `count` bytes: -1 with errno for an error, 0 at the end.
  package static func read(_ file: CInt, at offset: UInt64, into buffer: UnsafeMutableRawPointer, count: Int) -> Int {
    retryingInterrupts { unsafe pread(file, buffer, count, off_t(clamping: offset)) }
  }

  package static func size(path: String) throws(Errno) -> Int {
    var status = Glibc.stat()
    guard unsafe stat(path, &status) == 0 else { throw .last("stat \(path)") }
    return Int(status.st_size)
  }

  /// The bytes of a regular file.
  ///
  /// - Parameter limit: the largest size that is read; a larger file is `EFBIG`.
  package static func read(path: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(path, flags: O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = try file.read(into: &chunk, attempt: "read \(path)")
      if count == 0 { return bytes }
      guard bytes.count + count <= limit else { throw Errno(code: EFBIG, attempt: "read \(path)") }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
