import HTTP
import Logging
import Platform

/// Limits of log lines that clients can cause, or plugins by what they do: so many of each kind a second, so that
/// nobody can flood the log.
struct ClientLogLimits {
  /// What a line is about.
  enum Subject {
    case refusal(Refusal)
    /// The process has no descriptor left, or the kernel no memory.
    case exhaustion
    case epollFailure
    /// A plugin has left a response incomplete.
    case cutResponse
    /// A trusted proxy has sent a malformed field, perhaps with each request.
    case forwarding

    static let all = Refusal.allCases.map(Subject.refusal) + [.exhaustion, .epollFailure, .cutResponse, .forwarding]

    /// The index in `all`.
    fileprivate var number: Int {
      switch self {
      case .refusal(let refusal): Int(refusal.rawValue)
      case .exhaustion: Refusal.allCases.count
      case .epollFailure: Refusal.allCases.count + 1
      case .cutResponse: Refusal.allCases.count + 2
      case .forwarding: Refusal.allCases.count + 3
      }
    }

    fileprivate var limiter: LogRateLimiter {
      switch self {
      case .refusal, .epollFailure, .cutResponse: LogRateLimiter()
      case .exhaustion: LogRateLimiter(limit: 1, in: 10 * Clock.nanosecondsPerSecond)
      case .forwarding: LogRateLimiter(limit: 1, in: 60 * Clock.nanosecondsPerSecond)
      }
    }

    var level: Logger.Level {
      switch self {
      case .refusal(let refusal): refusal.level
      case .exhaustion, .epollFailure, .cutResponse: .error
      case .forwarding: .warning
      }
    }

    /// The text that summarizes suppressed lines.
    fileprivate var summary: String {
      switch self {
      case .refusal(let refusal): "\(refusal.reason)"
      case .exhaustion: "accept"
      case .epollFailure: "epoll"
      case .cutResponse: "answer cut off by its plugin"
      case .forwarding: "field of a trusted proxy ignored"
      }
    }
  }

  private var limiters = Subject.all.map(\.limiter)
  /// The earliest time of the next line about the state of the access log.
  private var accessLogAt: UInt64 = 0
  private var hasExplainedHints = false
  /// When the suppressed lines are to be summarized; `.max` if there are none.
  private(set) var dueAt = UInt64.max

  /// As `LogRateLimiter.allow`.
  mutating func admit(_ subject: Subject, _ now: UInt64) -> Int? {
    let before = limiters[subject.number].allow(now)
    if before == nil { dueAt = min(dueAt, limiters[subject.number].dueAt) }
    return before
  }

  /// Whether a line about the state of the access log may be written now.
  func mayLogAccessLog(_ now: UInt64) -> Bool { now >= accessLogAt }

  /// A line about the access log has been written.
  mutating func limitAccessLog(_ now: UInt64) { accessLogAt = now &+ 60 * Clock.nanosecondsPerSecond }

  /// The explanation why clients behind a proxy get no hints has been logged; once in a worker's life.
  mutating func noteHintsExplained() { hasExplainedHints = true }

  /// Whether that explanation has yet to be logged.
  var mayExplainHints: Bool { !hasExplainedHints }

  /// Calls `tell` with each kind whose summary is due at `now`, and the number of its suppressed lines.
  mutating func takeDue(_ now: UInt64, _ tell: (Logger.Level, String, Int) -> Void) {
    dueAt = .max
    for subject in Subject.all {
      if limiters[subject.number].dueAt <= now {
        tell(subject.level, subject.summary, limiters[subject.number].takeSuppressed())
      }
      dueAt = min(dueAt, limiters[subject.number].dueAt)
    }
  }
}

extension Refusal {
  /// A failure of the server or a plugin is an error; one of the client is not.
  var level: Logger.Level { status >= 500 && status != 501 && status != 505 ? .error : .info }
}
