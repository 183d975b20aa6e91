import Platform

/// The load of a thread pool.
struct PoolLoad {
  /// Threads that wait for a request.
  let idle: Int
  /// Requests that wait for a thread, without those that wait for other requests of their own connection.
  let waiting: Int
  /// The number of requests that threads have taken so far.
  let dequeued: UInt64

  /// All threads are busy, or have been assigned a request.
  var hasNoThread: Bool { idle <= waiting }
}

/// Whether a worker that shares its listeners is crowded: a new connection would have to wait for a thread or for room.
/// A crowded worker leaves new connections to other workers for a moment.
///
/// The principle: most handlers return at once, so a pool whose threads are all busy says little. A pool becomes
/// crowded when no thread has taken a request for a moment, and stays crowded until a thread is idle.
struct Crowding {
  /// How long all threads must be busy before the pool is crowded.
  static let moment = 5 * Clock.nanosecondsPerMillisecond
  /// How long new connections are left to others, and how often that is repeated while another worker reports room.
  static let patience = 10 * Clock.nanosecondsPerMillisecond
  static let mostChecks = 5
  /// How long reports of other workers are ignored after none of them has accepted the waiting connections.
  static let distrust = Clock.nanosecondsPerSecond

  private(set) var isCrowded = false
  /// When to check whether the threads are still busy with the same requests, and how many had been taken before;
  /// `.max` for no check.
  private(set) var sampleAt = UInt64.max
  private var dequeued: UInt64 = 0
  /// When to check connections that were left to others, and the number of checks so far; `.max` if there are none.
  private(set) var checkAt = UInt64.max
  private var checks = 0
  private var trustsOthersFrom: UInt64 = 0

  /// Whether new connections should be left to another worker that has room.
  ///
  /// - Parameter load: nil without a pool.
  mutating func update(_ now: UInt64, isFull: Bool, load: PoolLoad?) -> Bool {
    guard isFull || load?.hasNoThread == true else {
      if isCrowded || now >= sampleAt { end() }
      return false
    }
    if !isCrowded && (isFull || areStuck(now, load?.dequeued ?? 0)) { isCrowded = true }
    return isCrowded
  }

  private mutating func end() {
    isCrowded = false
    sampleAt = .max
    checkAt = .max
    checks = 0
  }

  /// Whether the threads have been busy with the same requests for a moment.
  private mutating func areStuck(_ now: UInt64, _ dequeued: UInt64) -> Bool {
    let isDue = now >= sampleAt
    guard isDue || sampleAt == .max else { return false }
    if isDue && dequeued == self.dequeued {
      sampleAt = .max
      return true
    }
    self.dequeued = dequeued
    sampleAt = now &+ Crowding.moment
    return false
  }

  // MARK: New connections

  /// Decides about a new connection that other workers have been told about as well.
  ///
  /// - Returns: false if this worker has to accept it.
  mutating func leaveToOthers(_ now: UInt64, isRoomElsewhere: Bool) -> Bool {
    if checkAt != .max { return true }
    guard now >= trustsOthersFrom && isRoomElsewhere else { return false }
    checks = 0
    checkAt = now &+ Crowding.patience
    return true
  }

  /// Whether connections that were left to others have to be checked.
  func isCheckDue(_ now: UInt64) -> Bool { now >= checkAt }

  mutating func beginCheck() { checkAt = .max }

  /// Decides about connections that still wait.
  ///
  /// - Returns: whether this worker has to accept them.
  mutating func acceptsWaiting(_ now: UInt64, isRoomElsewhere: Bool) -> Bool {
    checks += 1
    guard isRoomElsewhere && now >= trustsOthersFrom else { return true }
    if checks < Crowding.mostChecks {
      checkAt = now &+ Crowding.patience
      return false
    }
    trustsOthersFrom = now &+ Crowding.distrust
    return true
  }

  /// Checks again at `now`: not all connections could be accepted at once, and an edge is reported only once.
  mutating func checkAgain(_ now: UInt64) { checkAt = now }
}
