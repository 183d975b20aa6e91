import Platform

/// The progress of a transfer, for its deadline and `limits.min_rate`.
struct TransferProgress {
  private(set) var windowStart: UInt64 = 0
  private(set) var lastByte: UInt64 = 0
  private var pausedAt: UInt64 = 0
  private var bytes = 0
  /// Of output: how many of the sent bytes the client had read at the last check; `.max` before the first.
  private var taken = UInt64.max
  /// All bytes so far.
  private(set) var total = 0

  mutating func begin(_ now: UInt64) {
    windowStart = now
    lastByte = now
    bytes = 0
  }

  mutating func moved(_ count: Int, _ now: UInt64) {
    guard count > 0 else { return }
    bytes &+= count
    total &+= count
    lastByte = now
  }

  /// The socket has accepted bytes: the client has made room.
  mutating func flowed(_ now: UInt64) { lastByte = now }

  /// The client has read `all` of the bytes sent. The first reading is only a reference for later ones: the buffers
  /// before it may have been filled faster than the client reads.
  mutating func took(_ all: UInt64, _ now: UInt64) {
    if taken == .max {
      taken = all
      restartWindow(now)
    } else if all > taken {
      moved(Int(clamping: all &- taken), now)
      taken = all
    }
  }

  mutating func restartWindow(_ now: UInt64) {
    windowStart = now
    bytes = 0
  }

  /// How often the bytes read by the client are checked. The socket reports room only when a third of its buffer is
  /// free.
  static func checkInterval(_ timeout: UInt64) -> UInt64 { timeout / 4 }

  /// Bytes are being waited for.
  var isRunning: Bool { windowStart != 0 && pausedAt == 0 }

  /// No bytes are waited for: the time until `resume` does not count.
  mutating func pause(_ now: UInt64) { pausedAt = now }

  /// Bytes are waited for, for the first time or again.
  mutating func resume(_ now: UInt64) {
    if windowStart == 0 {
      begin(now)
    } else if pausedAt != 0 {
      windowStart &+= now &- pausedAt
      lastByte = now
    }
    pausedAt = 0
  }

  /// The latest time of the next `judge`.
  func nextJudgement(timeout: UInt64) -> UInt64 { min(lastByte, windowStart) &+ timeout }

  /// Whether the next `judge` evaluates the rate.
  func isWindowOver(_ now: UInt64, timeout: UInt64) -> Bool { now >= windowStart &+ timeout }

  enum Verdict {
    case stalled, tooSlow
    /// The transfer is within its limits until this moment.
    case fine(until: UInt64)
  }

  /// - Parameters:
  ///   - timeout: the longest pause, and the window over which the rate is averaged.
  ///   - rate: the minimum, in bytes a second; 0 for none.
  mutating func judge(_ now: UInt64, timeout: UInt64, rate: Int) -> Verdict {
    if now >= lastByte &+ timeout { return .stalled }
    if now >= windowStart &+ timeout {
      let least = UInt64(rate).multipliedFullWidth(by: now - windowStart)
      if UInt64(clamping: bytes).multipliedFullWidth(by: Clock.nanosecondsPerSecond) < least { return .tooSlow }
      windowStart = now
      bytes = 0
    }
    return .fine(until: min(lastByte, windowStart) &+ timeout)
  }
}
