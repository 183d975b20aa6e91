import Glibc
import Platform

/// A run of the program file on disk with `--version`, before it replaces this program.
final class Probe {
  let pid: pid_t
  /// When it is killed.
  var deadline: UInt64
  /// It was killed because its deadline had passed.
  var isLate = false
  private let output: FileDescriptor

  init(pid: pid_t, output: consuming FileDescriptor, deadline: UInt64) {
    self.pid = pid
    self.output = output
    self.deadline = deadline
  }

  /// Its output so far. No more than a pipe holds is read: a program with longer output does not end.
  var text: [UInt8] {
    var buffer = [UInt8](repeating: 0, count: ProgramVersion.limit)
    let count = (try? output.read(into: &buffer, attempt: "read")) ?? 0
    return Array(buffer.prefix(count))
  }
}
