import Glibc

/// Reading whole small files, such as the configuration.
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

  /// The same as pread(2) into memory of `count` bytes: -1 with errno for an error, 0 at the end.
  package static func read(_ file: CInt, at offset: UInt64, into buffer: UnsafeMutableRawPointer, count: Int) -> Int {
    retryingInterrupts { unsafe pread(file, buffer, count, off_t(clamping: offset)) }
  }

  package static func size(path: String) throws(Errno) -> Int {
    var status = Glibc.stat()
    guard unsafe stat(path, &status) == 0 else { throw .last("stat \(path)") }
    return Int(status.st_size)
  }

  /// As `read`, of a file that has to be a regular one: another one is not waited for.
  package static func ofRegular(path: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
    guard try FileStatus(of: file.raw, "read \(path)").kind == S_IFREG else {
      throw Errno(code: EINVAL, attempt: "read \(path)")
    }
    return try read(file, path: path, limit: limit)
  }

  /// The bytes of a regular file.
  ///
  /// - Parameter limit: the maximum size; a larger file fails with `EFBIG`.
  package static func read(path: String, limit: Int) throws(Errno) -> [UInt8] {
    try read(try FileDescriptor.open(path, flags: O_RDONLY), path: path, limit: limit)
  }

  private static func read(_ file: borrowing FileDescriptor, path: String, limit: Int) throws(Errno) -> [UInt8] {
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
