import Glibc
import Outrider

/// A file that arrives. Until it is complete, its name begins with a dot; without `finish`, nothing is left of it.
@Loop
final class Upload {
  private let descriptor: Int32
  private let path: String
  private let part: String
  private var isFinished = false
  private(set) var count = 0

  nonisolated static func isName(_ name: String) -> Bool {
    guard (1...64).contains(name.utf8.count), name.first != "." else { return false }
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
  }

  init(_ name: String, in folder: String) throws {
    path = "\(folder)/\(name)"
    part = "\(folder)/.\(name).\(UInt64.random(in: 0 ... .max))"
    descriptor = unsafe open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw SystemError("open") }
  }

  isolated deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if !isFinished { unsafe unlink(part) }
  }

  func write(_ bytes: [UInt8]) throws {
    var start = 0
    while start < bytes.count {
      let written = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress! + start, $0.count - start)
      }
      if written >= 0 { start += written } else if errno != EINTR { throw SystemError("write") }
    }
    count += bytes.count
  }

  func finish() throws {
    guard unsafe rename(part, path) == 0 else { throw SystemError("rename") }
    isFinished = true
  }
}
