import CLinux
import Glibc
import Platform

/// A running command of `--watch-run`, with the last part of its output.
struct BuildCommand: ~Copyable {
  /// The maximum output that is kept of the beginning, where the first error of a compiler is, and of the end, in bytes.
  private static let maxHead = 32 << 10
  private static let maxTail = 32 << 10

  let pid: pid_t
  private let pipe: FileDescriptor
  private var head: [UInt8] = []
  private var tail: [UInt8] = []
  /// The output between head and tail, in bytes.
  private var omitted = 0

  /// Starts `/bin/sh -c command`. Its standard input is empty.
  static func start(_ command: String) throws(Errno) -> BuildCommand {
    var ends: (CInt, CInt) = (-1, -1)
    let made = unsafe withUnsafeMutableBytes(of: &ends) { bytes in
      unsafe outrider_pipe(bytes.bindMemory(to: CInt.self).baseAddress)
    }
    guard made == 0 else { throw .last("pipe") }
    let reader = FileDescriptor(owning: ends.0)
    let writer = FileDescriptor(owning: ends.1)
    switch try Process.fork() {
    case .parent(let pid): return BuildCommand(pid: pid, pipe: reader)
    case .child:
      // Programs expect their writes to wait.
      outrider_fcntl(writer.raw, F_SETFL, 0)
      guard Process.discardInput(), dup2(writer.raw, 1) == 1, dup2(writer.raw, 2) == 2 else {
        Process.exit(.osError)
      }
      execute(command)
    }
  }

  /// Runs the command with the standard streams of this process.
  static func run(_ command: String) throws(Errno) -> Process.ExitStatus {
    switch try Process.fork() {
    case .parent(let pid): return Process.awaitEnd(of: pid)
    case .child: execute(command)
    }
  }

  private static func execute(_ command: String) -> Never {
    // It ends with this process, even if that is killed.
    _ = Process.bindToParent(getppid(), signal: SIGTERM)
    do throws(Errno) {
      try Process.execute("/bin/sh", arguments: ["sh", "-c", command])
    } catch {
      ErrorLog.writeRaw("\(error)")
      Process.exit(.osError)
    }
  }

  private init(pid: pid_t, pipe: consuming FileDescriptor) {
    self.pid = pid
    self.pipe = pipe
  }

  /// Readable while there is output, and when it has ended.
  var raw: CInt { pipe.raw }

  /// Reads the output that is there. Returns whether more may follow.
  mutating func readOutput() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while let count = try? pipe.read(into: &buffer, attempt: "read") {
      if count == 0 { return false }
      keep(buffer[..<count])
    }
    return true
  }

  private mutating func keep(_ bytes: ArraySlice<UInt8>) {
    let first = bytes.prefix(BuildCommand.maxHead - head.count)
    head += first
    tail += bytes.dropFirst(first.count)
    let excess = tail.count - BuildCommand.maxTail
    guard excess > 0 else { return }
    tail.removeFirst(excess)
    omitted += excess
  }

  /// The output, without what is too much and without the last line's end.
  var output: String {
    let gap = omitted > 0 ? "\n[\(omitted) bytes of output omitted]\n" : ""
    var text = String(decoding: head, as: UTF8.self) + gap + String(decoding: tail, as: UTF8.self)
    while text.utf8.last == UInt8(ascii: "\n") { text.removeLast() }
    return text
  }
}
