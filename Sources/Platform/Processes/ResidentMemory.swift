import Glibc

/// The resident memory of a process.
package enum ResidentMemory {
  /// In bytes; nil if the process has ended.
  package static func of(_ pid: pid_t) -> Int? {
    guard let file = try? FileDescriptor.open("/proc/\(pid)/statm", flags: O_RDONLY) else { return nil }
    var buffer = [UInt8](repeating: 0, count: 256)
    guard let count = try? file.read(into: &buffer, attempt: "read statm") else { return nil }
    // Pages: total, resident, …
    let numbers = buffer[..<count].split(separator: UInt8(ascii: " "))
    guard numbers.count > 1, let pages = Int(String(decoding: numbers[1], as: UTF8.self)) else { return nil }
    return pages.multipliedReportingOverflow(by: sysconf(CInt(_SC_PAGESIZE))).partialValue
  }
}
