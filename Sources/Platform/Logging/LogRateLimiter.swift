/// Limits the number of log lines of one kind in a period, if clients or plugins can cause them. The next line, or the
/// end of the period, reports how many were suppressed.
package struct LogRateLimiter: Sendable {
  private let limit: Int
  private let period: UInt64
  private var startedAt: UInt64?
  private var lines = 0
  private var suppressed = 0

  /// - Parameter period: nanoseconds.
  package init(limit: Int = 5, in period: UInt64 = Clock.nanosecondsPerSecond) {
    self.limit = limit
    self.period = period
  }

  /// Whether a line may be written at `now`.
  ///
  /// - Returns: the number of lines suppressed before it; nil if this line is suppressed.
  package mutating func allow(_ now: UInt64) -> Int? {
    if startedAt.map({ now >= $0 &+ period }) ?? true {
      startedAt = now
      lines = 0
    }
    guard lines < limit else {
      suppressed += 1
      return nil
    }
    lines += 1
    return takeSuppressed()
  }

  /// When the suppressed lines have to be reported, unless another line does so before; `.max` if there are none.
  package var dueAt: UInt64 { suppressed > 0 ? (startedAt ?? 0) &+ period &+ period / 8 : .max }

  package mutating func takeSuppressed() -> Int {
    defer { suppressed = 0 }
    return suppressed
  }

  /// The suffix of a line after suppressed ones.
  package static func note(_ suppressed: Int) -> String { suppressed > 0 ? " (and \(suppressed) more like it)" : "" }
}
