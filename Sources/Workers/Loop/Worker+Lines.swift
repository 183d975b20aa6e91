import Platform

// What the log was spared, told when it is time, and what it has lost, counted.

extension Worker {
  /// When lines that were held back are to be told of.
  var nextLines: UInt64 { min(record.lines.dueAt, record.runtime.record.misuse.dueAt) }

  func tellHeldBack() {
    if nextLines <= record.now { tellHeldBack(at: record.now) }
  }

  /// - Parameter moment: `.max` for all of them.
  @inline(never)
  func tellHeldBack(at moment: UInt64) {
    let log = record.log
    // A line that none came after stands in the log already.
    record.lines.takeDue(min(moment, .max - 1)) { level, what, count in
      log.log(level: level, "\(what): \(count) more like it")
    }
    record.runtime.record.misuse.tellHeldBack(at: min(moment, .max - 1))
  }

  /// Once a second, and at the end.
  func countLostLines() {
    let lost = ErrorLog.takeUncountedLoss()
    if lost > 0 { record.slot.add(.logLinesLost, UInt64(lost)) }
  }

  /// Room for the descriptors of all connections, and for others.
  func raiseDescriptorLimit() {
    let wanted = record.settings.connections + Worker.otherDescriptors
    guard let limit = DescriptorLimit.raise(to: wanted), record.slot.index == 0 else { return }
    record.log.warning(
      """
      server.worker_connections = \(record.settings.connections) takes \(wanted) descriptors in each worker, and the hard \
      limit of open files (RLIMIT_NOFILE) is \(limit)
      """)
  }

  /// Listeners, logs, and what plugins open.
  private static let otherDescriptors = 256
}
