/// How often lines of one kind go to the log where others decide how many there are: so many in a period, and with the
/// next one, or when the period is over, how many were held back.
package struct LineRate: Sendable {
  private let most: Int
  private let period: UInt64
  private var begun: UInt64?
  private var lines = 0
  private var heldBack = 0

  /// - Parameter period: nanoseconds.
  package init(most: Int = 5, in period: UInt64 = Clock.nanosecondsPerSecond) {
    self.most = most
    self.period = period
  }

  /// Whether a line goes out at `now`, and how many like it have been held back before; nil holds it back.
  package mutating func admit(_ now: UInt64) -> Int? {
    if begun.map({ now >= $0 &+ period }) ?? true {
      begun = now
      lines = 0
    }
    guard lines < most else {
      heldBack += 1
      return nil
    }
    lines += 1
    return takeHeldBack()
  }

  /// When it is time to say how many were held back; `.max` if none were. A line that follows says it first.
  package var dueAt: UInt64 { heldBack > 0 ? (begun ?? 0) &+ period &+ period / 8 : .max }

  package mutating func takeHeldBack() -> Int {
    defer { heldBack = 0 }
    return heldBack
  }

  /// What is added to a line.
  package static func note(_ heldBack: Int) -> String { heldBack > 0 ? " (and \(heldBack) more like it)" : "" }
}
