import Glibc

/// Whole small files, such as the configuration.
package enum FileContents {
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
