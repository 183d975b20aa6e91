import Glibc
import Logging
import Synchronization

/// The error log as swift-log's handler: one line a message, written by one system call, to stderr. A line for which there
/// is no room is lost: standard error is shared with processes that can fill it, or stop it, and none waits for that. How
/// many were is said as soon as there is room.
///
/// `[2026-01-31 12:00:00 +0000] [pid] [INFO] worker 3: text key=value`, as gunicorn's operators know it; in the journal
/// `<6>[pid] [INFO] worker 3: text key=value`.
package struct ErrorLog: LogHandler {
  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  private let role: String

  /// - Parameter role: who speaks: `supervisor`, `master`, `worker 3`.
  package init(role: String, level: Logger.Level) {
    self.role = role
    logLevel = level
  }

  /// A logger for a process. Each process makes its own after fork.
  package static func logger(role: String, level: Logger.Level) -> Logger {
    Logger(label: role) { ErrorLog(role: $0, level: level) }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var line = "[\(getpid())] [\(ErrorLog.name(event.level))] \(role): \(event.message)"
    let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
    // Whatever a message quotes, of plugins and of other processes: one message is one line.
    line = PrintableText.escaped(line)
    tellLoss()
    ErrorLog.write(ErrorLog.stamped(line), level: event.level)
  }

  private static func stamped(_ line: String) -> String {
    Journal.isStandardError ? line : "[\(timestamp())] \(line)"
  }

  // MARK: What is lost

  private static let lost = Atomic<Int>(0)
  private static let uncounted = Atomic<Int>(0)

  /// What is lost of this process's parent is not its own.
  package static func forgetLoss() {
    lost.store(0, ordering: .relaxed)
    uncounted.store(0, ordering: .relaxed)
  }

  /// How many lines of this process are lost that were not asked for before.
  package static func takeUncountedLoss() -> Int {
    uncounted.load(ordering: .relaxed) == 0 ? 0 : uncounted.exchange(0, ordering: .relaxed)
  }

  /// Before the first line for which there is room again: how many there were none for.
  private func tellLoss() {
    guard ErrorLog.lost.load(ordering: .relaxed) > 0 else { return }
    let count = ErrorLog.lost.exchange(0, ordering: .relaxed)
    guard count > 0 else { return }
    let what = count == 1 ? "1 line of the log is" : "\(count) lines of the log are"
    let line = "[\(getpid())] [\(ErrorLog.name(.warning))] \(role): \(what) lost: standard error had no room"
    if !ErrorLog.put(ErrorLog.stamped(line), level: .warning) { ErrorLog.lost.add(count, ordering: .relaxed) }
  }

  /// Writes text to standard error as it is: there is no log yet.
  package static func complain(_ text: String, level: Logger.Level = .error) { write(text, level: level) }

  private static func write(_ text: String, level: Logger.Level) {
    if put(text, level: level) { return }
    lost.add(1, ordering: .relaxed)
    uncounted.add(1, ordering: .relaxed)
  }

  /// Writes one line or several; the journal wants to know the priority of each. False if nothing is written.
  private static func put(_ text: String, level: Logger.Level) -> Bool {
    var lines = text + "\n"
    if Journal.isStandardError {
      let prefix = "<\(priority(level))>"
      lines = text.utf8.split(separator: UInt8(ascii: "\n")).reduce(into: "") { lines, line in
        lines += prefix + String(decoding: line, as: UTF8.self) + "\n"
      }
    }
    // What was cut is not continued by another line.
    if endsWithinLine.load(ordering: .relaxed) { lines = "\n" + lines }
    return lines.withUTF8 { bytes in
      let written = unsafe StandardError.write(bytes)
      if written > 0 { endsWithinLine.store(written < bytes.count, ordering: .relaxed) }
      return written > 0
    }
  }

  /// The last line of this process has not gone out to its end: its disk, or its pipe, was full.
  private static let endsWithinLine = Atomic<Bool>(false)

  private static func name(_ level: Logger.Level) -> String {
    switch level {
    case .trace, .debug: "DEBUG"
    case .info, .notice: "INFO"
    case .warning: "WARNING"
    case .error: "ERROR"
    case .critical: "CRITICAL"
    }
  }

  /// As in syslog(3).
  private static func priority(_ level: Logger.Level) -> CInt {
    switch level {
    case .trace, .debug: LOG_DEBUG
    case .info: LOG_INFO
    case .notice: LOG_NOTICE
    case .warning: LOG_WARNING
    case .error: LOG_ERR
    case .critical: LOG_CRIT
    }
  }

  /// Local time with its offset from UTC.
  private static func timestamp() -> String {
    var now = time_t(Clock.epochSeconds())
    var parts = unsafe tm()
    unsafe localtime_r(&now, &parts)
    let offset = unsafe abs(parts.tm_gmtoff) / 60
    let zone = unsafe (parts.tm_gmtoff < 0 ? "-" : "+") + padded(offset / 60) + padded(offset % 60)
    let date = unsafe "\(Int(parts.tm_year) + 1900)-\(padded(Int(parts.tm_mon) + 1))-\(padded(Int(parts.tm_mday)))"
    return
      unsafe "\(date) \(padded(Int(parts.tm_hour))):\(padded(Int(parts.tm_min))):\(padded(Int(parts.tm_sec))) \(zone)"
  }

  private static func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
