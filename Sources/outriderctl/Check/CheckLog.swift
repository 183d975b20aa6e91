import Glibc
import Platform

/// The log of a server that this process has started, in a file that has no name.
final class CheckLog {
  private let file: FileDescriptor
  private var offset: UInt64 = 0
  /// The beginning of a line whose end has not been written.
  private var rest: [UInt8] = []

  /// Where the server is to write.
  var raw: CInt { file.raw }

  init() throws(Errno) { file = try TemporaryFile.open() }

  /// The lines since the last call.
  func takeLines() -> [String] {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let offset = offset
      let raw = file.raw
      let count = unsafe chunk.withUnsafeMutableBytes { bytes in
        unsafe FileContents.read(raw, at: offset, into: bytes.baseAddress!, count: bytes.count)  // not empty
      }
      guard count > 0 else { break }
      self.offset += UInt64(count)
      rest += chunk[..<count]
    }
    guard let end = rest.lastIndex(of: 10) else { return [] }
    let lines = rest[..<end].split(separator: 10).map { PrintableText.escaped(String(decoding: $0, as: UTF8.self)) }
    rest.removeSubrange(...end)
    return lines
  }
}
