import Glibc

/// The program file of this process, by a path where its successors will also be.
package enum ProgramFile {
  /// The version of all programs of this release.
  package static let version = "0.1.0"

  private static let own = "/proc/self/exe"

  /// The path by which the program was called, made absolute, so that a symbolic link leads to the next version when it
  /// is changed. If the name is no path, the file's own path.
  package static func path(calledAs name: String) throws(Errno) -> String {
    let directories =
      name.utf8.contains(UInt8(ascii: "/"))
      ? [""] : (Process.environment("PATH") ?? "").split(separator: ":").map { "\($0)/" }
    for directory in directories {
      let candidate = absolute(directory + name)
      if let found = identity(candidate), found == identity(own) { return candidate }
    }
    return try ownPath()
  }

  /// The folder of the file itself, after symbolic links are resolved. Nil if /proc is not available.
  package static var folder: String? {
    guard let path = try? ownPath(), let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return String(path[..<slash])
  }

  /// The parent of the file's folder, which `make install` uses as the prefix of all its files.
  package static var prefix: String? {
    guard let folder, let slash = folder.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    return String(folder[..<slash])
  }

  private static func ownPath() throws(Errno) -> String {
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

  /// Device and inode of a file, however it is named.
  package static func identity(_ path: String) -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return "\(status.st_dev):\(status.st_ino)"
  }
}
