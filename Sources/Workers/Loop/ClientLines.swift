import HTTP
import Logging
import Platform

/// The lines of the log that clients can cause, and plugins by what they do: of each kind so many a second, so that nobody
/// can fill it.
struct ClientLines {
  private var refusals = [LineRate](repeating: LineRate(), count: Refusal.allCases.count)
  /// Of the process without descriptors.
  private var exhaustion = LineRate(most: 1, in: 10 * Clock.nanosecondsPerSecond)
  private var failures = LineRate()
  /// Of responses that plugins leave without their end.
  private var cuts = LineRate()
  /// When it is to be said that some were held back; `.max` if none were.
  private(set) var dueAt = UInt64.max

  /// As `LineRate.admit`.
  mutating func admit(_ refusal: Refusal, _ now: UInt64) -> Int? {
    let before = refusals[Int(refusal.rawValue)].admit(now)
    if before == nil { dueAt = min(dueAt, refusals[Int(refusal.rawValue)].dueAt) }
    return before
  }

  mutating func admitExhaustion(_ now: UInt64) -> Int? {
    let before = exhaustion.admit(now)
    if before == nil { dueAt = min(dueAt, exhaustion.dueAt) }
    return before
  }

  mutating func admitFailure(_ now: UInt64) -> Int? {
    let before = failures.admit(now)
    if before == nil { dueAt = min(dueAt, failures.dueAt) }
    return before
  }

  mutating func admitCut(_ now: UInt64) -> Int? {
    let before = cuts.admit(now)
    if before == nil { dueAt = min(dueAt, cuts.dueAt) }
    return before
  }

  /// Gives what were held back, and are due at `now`, to `tell`, with what they are about.
  mutating func takeDue(_ now: UInt64, _ tell: (Logger.Level, String, Int) -> Void) {
    dueAt = .max
    for refusal in Refusal.allCases {
      let number = Int(refusal.rawValue)
      if refusals[number].dueAt <= now { tell(refusal.level, "\(refusal.reason)", refusals[number].takeHeldBack()) }
      dueAt = min(dueAt, refusals[number].dueAt)
    }
    if exhaustion.dueAt <= now { tell(.error, "accept", exhaustion.takeHeldBack()) }
    if failures.dueAt <= now { tell(.error, "epoll", failures.takeHeldBack()) }
    if cuts.dueAt <= now { tell(.error, "answer cut off by its plugin", cuts.takeHeldBack()) }
    dueAt = min(dueAt, exhaustion.dueAt, failures.dueAt, cuts.dueAt)
  }
}

extension Refusal {
  /// A fault of ours, as against the client's.
  var level: Logger.Level { status >= 500 && status != 501 && status != 505 ? .error : .info }
}
