import Glibc
import Logging
import Synchronization

/// The error log as a handler of swift-log: each message is one line, written to standard error by one system call. It
/// never blocks, although other processes share standard error and may fill or stop it. A line without room is lost,
/// and the number of lost lines is logged as soon as there is room.
///
/// The format is gunicorn's, `[2026-01-31 12:00:00 +0000] [pid] [INFO] worker 3: text key=value`, or in the journal
/// `<6>[pid] [INFO] worker 3: text key=value`.
package struct ErrorLog: LogHandler {
  package var logLevel: Logger.Level = .info
  package var metadata: Logger.Metadata = [:]
  private let role: String

  /// - Parameter role: the name of the process: `supervisor`, `master`, `worker 3`.
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
    var line = "\(role): \(event.message)"
    let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
    // A message stays on one line, whatever it quotes from plugins and other processes.
    line = PrintableText.escaped(line)
    reportLostLines()
    ErrorLog.write(ErrorLog.stamped(line, event.level), level: event.level)
  }

  private static func stamped(_ line: String, _ level: Logger.Level) -> String {
    let line = "[\(getpid())] [\(LogColors.colored(name(level), level))] \(line)"
    return Journal.isStandardError ? line : "[\(timestamp())] \(line)"
  }

  // MARK: Lost lines

  private static let lost = Atomic<Int>(0)
  private static let uncounted = Atomic<Int>(0)

  /// Called in a child, which does not report lines that its parent has lost.
  package static func resetLostLines() {
    lost.store(0, ordering: .relaxed)
    uncounted.store(0, ordering: .relaxed)
  }

  /// Whether there are lost lines that `takeUncountedLostLines` has not returned.
  package static var hasUncountedLostLines: Bool { uncounted.load(ordering: .relaxed) != 0 }

  /// How many lines were lost since the last call.
  package static func takeUncountedLostLines() -> Int {
    uncounted.load(ordering: .relaxed) == 0 ? 0 : uncounted.exchange(0, ordering: .relaxed)
  }

  /// Logs how many lines were lost, before the next line that has room.
  private func reportLostLines() {
    guard ErrorLog.lost.load(ordering: .relaxed) > 0 else { return }
    let count = ErrorLog.lost.exchange(0, ordering: .relaxed)
    guard count > 0 else { return }
    let what = count == 1 ? "1 line of the log is" : "\(count) lines of the log are"
    let line = "\(role): \(what) lost: standard error had no room"
    if !ErrorLog.put(ErrorLog.stamped(line, .warning), level: .warning) { ErrorLog.lost.add(count, ordering: .relaxed) }
  }

  /// Writes text to standard error without timestamp and role, for errors before there is a log.
  package static func writeRaw(_ text: String, level: Logger.Level = .error) { write(text, level: level) }

  private static func write(_ text: String, level: Logger.Level) {
    if put(text, level: level) { return }
    lost.add(1, ordering: .relaxed)
    uncounted.add(1, ordering: .relaxed)
  }

  /// Writes one or more lines; for the journal each gets its priority. False if nothing is written.
  private static func put(_ text: String, level: Logger.Level) -> Bool {
    var lines = text + "\n"
    if Journal.isStandardError {
      let prefix = "<\(priority(level))>"
      lines = text.utf8.split(separator: UInt8(ascii: "\n")).reduce(into: "") { lines, line in
        lines += prefix + String(decoding: line, as: UTF8.self) + "\n"
      }
    }
    // A truncated line is ended, not continued.
    if endsWithinLine.load(ordering: .relaxed) { lines = "\n" + lines }
    return lines.withUTF8 { bytes in
      let written = unsafe StandardError.write(bytes)
      if written > 0 { endsWithinLine.store(written < bytes.count, ordering: .relaxed) }
      return written > 0
    }
  }

  /// The last line of this process was truncated because the disk or the pipe was full.
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

  /// The priorities of syslog(3).
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
