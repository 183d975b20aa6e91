import Platform

// Summaries of suppressed log lines, and the count of lost ones.

extension Worker {
  /// Logs a line that clients or plugins can cause, unless the limit of its subject is reached.
  func log(limited subject: ClientLogLimits.Subject, _ line: @autoclosure () -> String) {
    guard let suppressed = record.logLimits.admit(subject, record.clock.now) else { return }
    record.log.log(level: subject.level, "\(line())\(LogRateLimiter.note(suppressed))")
  }

  /// When the next summary of suppressed lines is due.
  var nextLines: UInt64 { min(record.logLimits.dueAt, record.runtime.record.misuse.dueAt) }

  func logHeldBack() {
    if nextLines <= record.clock.now { logHeldBack(at: record.clock.now) }
  }

  /// - Parameter moment: `.max` for all of them.
  @inline(never)
  func logHeldBack(at moment: UInt64) {
    let log = record.log
    // A kind of which no line was suppressed has no summary.
    record.logLimits.takeDue(min(moment, .max - 1)) { level, what, count in
      log.log(level: level, "\(what): \(count) more like it")
    }
    record.runtime.record.misuse.reportSuppressed(at: min(moment, .max - 1))
  }

  /// Counts lost log lines, once a second and at the end.
  func countLostLines() {
    let lost = ErrorLog.takeUncountedLostLines()
    if lost > 0 { record.slot.add(.logLinesLost, UInt64(lost)) }
  }

  /// Raises the descriptor limit for all connections and other descriptors.
  func raiseDescriptorLimit() {
    let wanted = record.settings.connections + Worker.otherDescriptors
    guard let limit = DescriptorLimit.raise(to: wanted), record.slot.index == 0 else { return }
    record.log.warning(
      """
      server.worker_connections = \(record.settings.connections) takes \(wanted) descriptors in each worker, and the hard \
      limit of open files (RLIMIT_NOFILE) is \(limit)
      """)
  }

  /// An allowance for listeners, logs, and descriptors that plugins open.
  private static let otherDescriptors = 256
}
