import HTTP
import Platform

/// The stage of a worker's shutdown, and the times by which its requests have to end.
///
/// A tenth of `server.graceful_timeout`, 3 seconds at most, is reserved. The requests have the time before it. During
/// the first half of it requests are cut: those without a response are refused, and handlers that do not return are
/// abandoned. The second half is for worker_stop().
struct Draining: ~Copyable {
  enum Stage { case serving, draining, stopping }

  var stage = Stage.serving
  /// `server.graceful_timeout`.
  let timeout: UInt64
  /// The time by which the worker has to exit, and the time by which its requests have to end.
  var deadline = UInt64.max
  private var requestsDeadline = UInt64.max
  private var time = DrainTime()
  /// Requests that had not ended by their deadline have been refused.
  private(set) var hasCutRequests = false
  /// Woken when requests are cut: threads that wait for a client check whether their request is among them.
  let cutWake: WakeDescriptor

  init(timeout: UInt64, cutWake: consuming WakeDescriptor) {
    self.timeout = timeout
    self.cutWake = cutWake
  }

  // MARK: Shares of the time

  /// How much of the timeout is reserved.
  private static func share(of timeout: UInt64) -> UInt64 { min(timeout / 10, 3 * Clock.nanosecondsPerSecond) }

  /// Requests are cut at the first of these times. At the second, those that still exist end with their connections.
  static func requestsDeadline(leaveBy: UInt64, _ timeout: UInt64) -> UInt64 { before(leaveBy, share(of: timeout)) }
  static func lastRequestsDeadline(leaveBy: UInt64, _ timeout: UInt64) -> UInt64 {
    before(leaveBy, share(of: timeout) / 2)
  }

  private static func before(_ moment: UInt64, _ span: UInt64) -> UInt64 { moment > span ? moment - span : 0 }

  private var lastRequestsDeadline: UInt64 { Draining.lastRequestsDeadline(leaveBy: deadline, timeout) }

  // MARK: Its stages

  /// - Parameters:
  ///   - leaveBy: the time by which the worker has to exit, as set by the master; 0 if unknown.
  ///   - watched: the notes of `WatchedHandler`.
  /// - Returns: false if draining had already begun.
  mutating func begin(_ now: UInt64, leaveBy: UInt64, watched: (moment: UInt64, standstill: UInt64)) -> Bool {
    guard stage == .serving else { return false }
    stage = .draining
    time.begin(now, timeout: timeout, masters: leaveBy, watched: watched.moment)
    update(leaveBy: leaveBy, masterTurn: 0, standstill: watched.standstill)
    return true
  }

  /// Applies the time that the master has set by its turn at `masterTurn`.
  mutating func update(leaveBy: UInt64, masterTurn: UInt64, standstill: UInt64) {
    time.update(masterTurn: masterTurn)
    deadline = time.deadline(masters: leaveBy, watched: standstill)
    requestsDeadline = Draining.requestsDeadline(leaveBy: deadline, timeout)
  }

  mutating func stop() { stage = .stopping }

  /// The loop has waited until `now`. Returns the length of a standstill meanwhile; 0 for none.
  mutating func awake(_ now: UInt64, begun: UInt64, hasMaster: Bool) -> UInt64 {
    time.awake(at: now, begun: begun, hasMaster: hasMaster)
  }

  /// The loop is about to wait, after a turn that began at `turnBegan`.
  mutating func plan(_ now: UInt64, turnBegan: UInt64, begun: UInt64, hasMaster: Bool) {
    time.plan(at: now, turnBegan: turnBegan, begun: begun, hasMaster: hasMaster)
  }

  /// Whether requests have to be cut now.
  func isCutDue(_ now: UInt64) -> Bool { !hasCutRequests && now >= max(requestsDeadline, time.grace.end) }

  mutating func cut() { hasCutRequests = true }

  /// The refusal of requests that are cut.
  var refusal: Refusal { stage == .stopping ? .serverStopped : .gracefulTimeout }

  /// When a draining worker next has to act or to check for a standstill.
  var nextMoment: UInt64 {
    min(max(hasCutRequests ? lastRequestsDeadline : requestsDeadline, time.grace.end), time.nextLook)
  }

  /// How long to wait for threads that are still in a handler.
  func threadsDeadline(_ now: UInt64) -> UInt64 {
    if stage == .stopping { return now &+ 200 * Clock.nanosecondsPerMillisecond }
    return max(now &+ 20 * Clock.nanosecondsPerMillisecond, lastRequestsDeadline)
  }

  /// Nothing is left to do, or no time for it.
  func isOver(_ now: UInt64, isIdle: Bool) -> Bool {
    switch stage {
    case .serving: false
    case .draining: isIdle || now >= max(lastRequestsDeadline, time.grace.end)
    case .stopping: true
    }
  }
}
