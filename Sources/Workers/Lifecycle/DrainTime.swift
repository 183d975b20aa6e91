import Platform

/// The time by which a draining worker has to exit. The master determines it, and postpones it after a standstill, a
/// time in which the processes did not run. A worker that has been at a standstill waits for the postponed time before
/// it cuts requests.
struct DrainTime {
  /// How often a draining worker wakes up to detect a standstill.
  static let look = 100 * Clock.nanosecondsPerMillisecond
  /// A shorter delay is caused by a busy machine and is not a standstill.
  static let tolerance = 500 * Clock.nanosecondsPerMillisecond
  /// By how much the master's time may be later than the worker's own.
  private static let slack = 2 * Clock.nanosecondsPerSecond

  /// The time that the worker computed when it began to drain; `.max` before.
  private var own = UInt64.max
  private var standstill = StallDetector(tolerance: DrainTime.tolerance)
  private var stoodStill: UInt64 = 0
  /// How many requests had begun when the loop last waited: under sync, handlers run within a turn.
  private var begun: UInt64 = 0
  private(set) var grace = StandstillGrace()
  /// There has been a grace for a turn that took long.
  private var hasWaitedAfterTurn = false
  private(set) var nextLook = UInt64.max

  /// The worker has to exit within `timeout`.
  ///
  /// - Parameters:
  ///   - masters: the time that the master has set; 0 if none.
  ///   - watched: the time that `HandlerWatch` has noted while a handler ran, if there is no master; 0 for none.
  mutating func begin(_ now: UInt64, timeout: UInt64, masters: UInt64, watched: UInt64) {
    own = now.postponed(by: timeout)
    if watched != 0 && masters == 0 { own = min(own, watched) }
    // The message came late: the worker may have been at a standstill meanwhile.
    if masters != 0 && masters.postponed(by: DrainTime.tolerance) < own { grace.begin(now, hasMaster: true) }
  }

  /// The time by which the worker has to exit.
  ///
  /// - Parameters:
  ///   - masters: the time that the master has set; 0 if none.
  ///   - watched: the length of standstills while a handler ran.
  func deadline(masters: UInt64, watched: UInt64) -> UInt64 {
    let own = own.postponed(by: max(stoodStill, watched))
    return masters == 0 ? own : min(masters, own.postponed(by: DrainTime.slack))
  }

  /// The loop has waited until `now`.
  ///
  /// - Returns: the length of a standstill meanwhile; 0 for none.
  mutating func awake(at now: UInt64, begun: UInt64, hasMaster: Bool) -> UInt64 {
    let length = standstill.length(at: now)
    guard length > 0, begun == self.begun else { return 0 }
    stoodStill = stoodStill.postponed(by: length &+ DrainTime.look)
    grace.begin(now, hasMaster: hasMaster)
    return length
  }

  /// The master has completed a turn at `turn`.
  mutating func update(masterTurn turn: UInt64) { grace.update(masterTurn: turn) }

  /// The loop is about to wait.
  ///
  /// - Parameters:
  ///   - turnBegan: when the loop last stopped waiting.
  ///   - hasMaster: whether there is a master, whose time bounds that of the worker.
  mutating func plan(at now: UInt64, turnBegan: UInt64, begun: UInt64, hasMaster: Bool) {
    if hasMaster && now > turnBegan { endTurn(of: now - turnBegan, at: now) }
    nextLook = now &+ DrainTime.look
    standstill.plan(nextLook)
    self.begun = begun
  }

  /// A turn that took long may have been interrupted by a standstill. The worker waits once for what the master makes of
  /// that: if a plugin is slow, all turns take long.
  private mutating func endTurn(of length: UInt64, at now: UInt64) {
    guard length > DrainTime.tolerance else { return }
    stoodStill = stoodStill.postponed(by: length)
    guard !hasWaitedAfterTurn else { return }
    hasWaitedAfterTurn = true
    grace.begin(now, hasMaster: true)
  }
}
