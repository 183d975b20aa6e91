import Platform

/// The time after a standstill in which a draining worker cuts no request, so that the master can postpone the exit
/// first. The master notes each of its turns, so a worker does not act before a master that the machine delays.
struct StandstillGrace {
  /// What the worker waits in any case. The master kills the worker a second after the time that it has set.
  private static let least = 500 * Clock.nanosecondsPerMillisecond
  /// How long it waits for the master's next turn.
  private static let most = 3 * Clock.nanosecondsPerSecond

  private var resumedAt: UInt64 = 0
  /// No request is cut before this time.
  private(set) var end: UInt64 = 0

  /// The process runs again since `now`.
  ///
  /// - Parameter hasMaster: whether there is a master that can postpone the exit.
  mutating func begin(_ now: UInt64, hasMaster: Bool) {
    resumedAt = now
    end = now.postponed(by: hasMaster ? StandstillGrace.most : StandstillGrace.least)
  }

  /// The master has completed a turn at `turn`, and has postponed the exit if it was at a standstill as well.
  mutating func update(masterTurn turn: UInt64) {
    if turn >= resumedAt { end = min(end, resumedAt.postponed(by: StandstillGrace.least)) }
  }
}
