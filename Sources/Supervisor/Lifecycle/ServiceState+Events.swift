import Glibc
import IPC
import Platform

// The decisions of the supervisor: an event and the state determine a list of actions and the next state. No function
// here reads a clock or a descriptor, or sends anything, so that each decision can be tested by itself.

extension ServiceState {
  /// Applies an event.
  ///
  /// - Returns: the actions to take, in this order.
  mutating func handle(_ event: ServiceEvent, at now: Moment) -> [ServiceAction] {
    var actions: [ServiceAction] = []
    switch event {
    case .begun: launch(.start, &actions)
    case .reloadRequested: reload(&actions)
    case .replacementRequested: probe(&actions)
    case .scaleRequested(let change): scale(by: change, &actions)
    case .shutdownRequested: beginShutdown(now.time, &actions)
    case .stopRequested: stopAll(now.time, &actions)
    case .launched(let number): launched(number, &actions)
    case .launchFailed(let number, let cause, let reason):
      let failure = StartFailure(number: number, cause: cause, startedAt: now.time, reason: reason, code: .osError)
      startFailed(failure, now, &actions)
    case .timerFired: timerFired(now.time, &actions)
    case .stoodStill(let span): postponeDeadlines(by: span)
    case .probeEnded(let objection): probeEnded(objection, &actions)
    case .becameReady(let number), .toldToLeave(let number), .unusable(let number, _, _, _), .channelClosed(let number),
      .commandFailed(let number), .masterStopped(let number, _), .masterEnded(let number, _),
      .orphanEnded(let number, _, _, _):
      if let index = index(of: number) { handle(event, of: index, now, &actions) }
    }
    return actions
  }

  /// An event of one generation.
  private mutating func handle(
    _ event: ServiceEvent, of index: Int, _ now: Moment, _ actions: inout [ServiceAction]
  ) {
    switch event {
    case .becameReady: becameReady(index, now, &actions)
    case .toldToLeave: toldToLeave(index, now.time, &actions)
    case .unusable(_, let reason, let code, let isLogged):
      if generations[index].failure == nil {
        generations[index].failure = reason
        generations[index].failureCode = code
        generations[index].failureIsLogged = isLogged
      }
      generations[index].isKilled = true
      kill(index, &actions)
    // The process ends soon, unless the master is stuck without a channel.
    case .channelClosed:
      // The deadline of a generation that finishes is that of its requests as well.
      if generations[index].stage == .draining { break }
      generations[index].deadline = min(generations[index].deadline, now.time &+ ServiceState.stopTime)
    case .commandFailed: kill(index, &actions)
    case .masterStopped(_, let signal): masterStopped(index, by: signal, now.time, &actions)
    case .masterEnded(_, let exitStatus): masterEnded(index, exitStatus, now, &actions)
    case .orphanEnded(_, let worker, let exitStatus, let lost):
      orphanEnded(index, worker, exitStatus, lost, &actions)
    default: break
    }
  }

  // MARK: Time

  /// When `timerFired` is due at the latest; `.max` for never.
  var nextDeadline: UInt64 { min(restartAt, nextTimeout) }

  /// The next deadline of a generation or of the shutdown delay; `.max` for none.
  var nextTimeout: UInt64 { generations.reduce(drainAt) { min($0, $1.deadline) } }

  private mutating func timerFired(_ now: UInt64, _ actions: inout [ServiceAction]) {
    for index in generations.indices where generations[index].deadline <= now { timedOut(index, &actions) }
    if drainAt <= now { drainAll(now, &actions) }
    guard restartAt <= now else { return }
    // While the service stops, a serving generation is enough.
    if isEnding && serving != nil { restartAt = .max } else { launch(.restart, &actions) }
  }

  private mutating func postponeDeadlines(by span: UInt64) {
    for index in generations.indices { generations[index].deadline = generations[index].deadline.postponed(by: span) }
    // Load balancers got no response meanwhile.
    drainAt = drainAt.postponed(by: span)
  }

  // MARK: The replacement of the program

  /// Starts with a check of the program on disk.
  mutating func probe(_ actions: inout [ServiceAction]) {
    guard !isEnding, !isProbing else { return }
    replacementIsWanted = starting != nil
    guard starting == nil else { return }
    isProbing = true
    actions.append(.probe)
  }

  private mutating func probeEnded(_ objection: String?, _ actions: inout [ServiceAction]) {
    isProbing = false
    // A stopping service is not replaced.
    guard !isEnding, exitCode == nil else { return }
    if let objection { return actions.append(.reportReplacementFailure(objection)) }
    replacementIsWanted = starting != nil
    if starting == nil { actions.append(.replace) }
  }

  // MARK: The watchdog of the service manager

  /// Whether the watchdog of the service manager is notified. Always true while the service starts or stops.
  ///
  /// - Parameter hasFreshWorker: whether a worker of the generation can answer a request.
  func isAlive(_ hasFreshWorker: (Generation) -> Bool) -> Bool {
    guard target == .serve, generationCount > 1 || accepting != nil else { return true }
    return generations.contains(where: hasFreshWorker)
  }
}
