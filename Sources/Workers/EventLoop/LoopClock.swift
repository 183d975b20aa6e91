import Platform

/// The time as the loop uses it: read once in each turn.
struct LoopClock {
  /// Monotonic nanoseconds, as of this turn of the loop.
  var now: UInt64
  /// The moment at which the next second since the epoch begins.
  private(set) var secondEnds: UInt64 = 0
  /// When the heartbeat is due even if nothing else happens; `.max` if nobody watches it.
  private(set) var heartbeatDue: UInt64
  /// The interval of the heartbeat.
  private let heartbeat: UInt64

  /// - Parameter heartbeat: nanoseconds between two heartbeats; 0 if nobody watches for them.
  init(now: UInt64, heartbeat: UInt64) {
    self.now = now
    self.heartbeat = heartbeat
    heartbeatDue = heartbeat == 0 ? .max : now
  }

  /// Begins a new turn.
  ///
  /// - Returns: whether a new second has begun since the previous turn.
  @inline(__always)
  mutating func update(_ moment: UInt64) -> Bool {
    now = moment
    if moment >= heartbeatDue { heartbeatDue = moment &+ heartbeat }
    return moment >= secondEnds
  }

  /// Notes how many nanoseconds of the current second have passed.
  mutating func beginSecond(passed: Int64) {
    secondEnds = now &+ Clock.nanosecondsPerSecond &- UInt64(max(0, passed))
  }
}
