import Glibc
import Platform

/// A try of the program file on disk: it says its version, to the supervisor alone.
final class Probe {
  let pid: pid_t
  /// When it is killed.
  var deadline: UInt64
  /// It has been killed for that.
  var isLate = false
  private let output: FileDescriptor

  init(pid: pid_t, output: consuming FileDescriptor, deadline: UInt64) {
    self.pid = pid
    self.output = output
    self.deadline = deadline
  }

  /// What it has said by now. Nobody waits for more: a program that says more than a pipe holds does not end.
  var text: [UInt8] {
    var buffer = [UInt8](repeating: 0, count: ProgramVersion.limit)
    let count = (try? output.read(into: &buffer, attempt: "read")) ?? 0
    return Array(buffer.prefix(count))
  }
}
