import Glibc

/// The program file of this process, by a path at which its successors will be.
package enum ProgramFile {
  private static let own = "/proc/self/exe"

  /// The path as the program was called, made absolute, so that a symbolic link that leads elsewhere later leads to the
  /// next version; the file's own path where the name does not tell.
  package static func path(calledAs name: String) throws(Errno) -> String {
    let directories =
      name.utf8.contains(UInt8(ascii: "/"))
      ? [""] : (Process.environment("PATH") ?? "").split(separator: ":").map { "\($0)/" }
    for directory in directories {
      let candidate = absolute(directory + name)
      if let found = identity(candidate), found == identity(own) { return candidate }
    }
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe readlink(own, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard count > 0 else { throw .last("readlink \(own)") }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  private static func absolute(_ path: String) -> String {
    guard path.utf8.first != UInt8(ascii: "/"), let directory = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(directory) }
    return unsafe "\(String(cString: directory))/\(path)"
  }

  private static func identity(_ path: String) -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return "\(status.st_dev):\(status.st_ino)"
  }
}
