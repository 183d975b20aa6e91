import Glibc
import IPC
import Platform

// The decisions of a master: an event and the state determine a list of actions and the next state. No function here
// reads a clock or a descriptor, or sends anything, so that each decision can be tested by itself.

extension MasterState {
  /// Applies an event.
  ///
  /// - Parameter now: monotonic nanoseconds.
  /// - Returns: the actions to take, in this order.
  mutating func handle(_ event: MasterEvent, at now: UInt64) -> [MasterAction] {
    var actions: [MasterAction] = []
    switch event {
    case .begun: actions = (0..<workers.count).map { .spawn($0) }
    case .drainRequested(let isSuperseded):
      self.isSuperseded = self.isSuperseded || isSuperseded
      drain(now, &actions)
    case .stopRequested(let isSuperseded):
      self.isSuperseded = self.isSuperseded || isSuperseded
      stop(now, &actions)
    case .scaleRequested(let change): scale(by: change, now, &actions)
    case .retireRequested(let pid):
      if let slot = workers.slot(of: pid) { scheduleReplacement(of: slot, because: .retired, &actions) }
    case .terminated(let supervisorIsGone): terminated(supervisorIsGone, now, &actions)
    case .supervisorGone:
      actions.append(.broadcast(.orphaned))
      drain(now, &actions)
    case .spawned(let workerIndex, let slot, let pid):
      workers.add(workerIndex, slot: slot, pid: pid, now: now)
      report(slot, .starting, &actions)
    case .spawnFailed(let workerIndex, let reason): spawnFailed(workerIndex, reason, now, &actions)
    case .workerReady(let slot): workerReady(slot, now, &actions)
    case .lifetimeReached(let slot): scheduleReplacement(of: slot, because: .maxRequests, &actions)
    case .startFailed(let slot, let reason): startFailed(slot, reason, &actions)
    case .protocolViolated(let slot, let reason): protocolViolated(slot, reason, now, &actions)
    case .workerEnded(let slot, let exitStatus, let remains): workerEnded(slot, exitStatus, remains, now, &actions)
    case .timerFired: timerFired(now, &actions)
    case .startTimedOut(let hook): startTimedOut(hook, now, &actions)
    case .workersChecked(let samples): workersChecked(samples, now, &actions)
    case .stoodStill(let length): stoodStill(length, now, &actions)
    }
    return actions
  }

  // MARK: Time

  private mutating func timerFired(_ now: UInt64, _ actions: inout [MasterAction]) {
    killOverdue(now, &actions)
    switch stage {
    case .starting where now >= bootDeadline: actions.append(.examineStart)
    // A worker that was ready before the others may already have served and crashed.
    case .starting: spawnDue(now, &actions)
    case .serving:
      spawnDue(now, &actions)
      startNextReplacement(&actions)
      if now >= nextCheckAt {
        nextCheckAt = now &+ watchdog.interval
        actions.append(.checkWorkers)
      }
      actions.append(.rotateTicketKeys)
    case .draining, .stopping:
      guard now >= killDeadline else { return }
      killDeadline = .max
      killAll(&actions)
    }
  }

  /// Starts the workers that are due, as far as there are free slots.
  private mutating func spawnDue(_ now: UInt64, _ actions: inout [MasterAction]) {
    var free = workers.freeSlots
    while free > 0, let workerIndex = workers.nextDueStart(at: now) {
      workers.cancelScheduledStart(at: workerIndex)
      // The replacement failed and has to be repeated by `startNextReplacement`.
      if stage == .serving && workers.needsReplacement(at: workerIndex) { continue }
      actions.append(.spawn(workerIndex))
      free -= 1
    }
  }

  private mutating func startTimedOut(_ hook: String?, _ now: UInt64, _ actions: inout [MasterAction]) {
    let reason = "workers are not ready within boot_timeout" + (hook.map { ": one is in \($0)" } ?? "")
    actions.append(.log(.critical, reason))
    fail(.software, reason, now, &actions)
  }

  /// Postpones all deadlines by the length of a standstill.
  private mutating func stoodStill(_ length: UInt64, _ now: UInt64, _ actions: inout [MasterAction]) {
    // The standstill may have begun just after the last check.
    let span = length &+ watchdog.interval
    watchdog.countsFrom = now
    // The standstill may have begun while a plugin was loaded, when there are no checks.
    bootDeadline = max(bootDeadline.postponed(by: span), now &+ limits.bootTimeout)
    // The supervisor's own deadlines for this process ignore shorter standstills.
    guard length >= Clock.nanosecondsPerSecond else { return }
    killDeadline = killDeadline.postponed(by: span)
    workers.postponeDeadlines(by: span)
    if stage != .stopping { actions.append(.extendLifetimes(by: span)) }
    let milliseconds = length / Clock.nanosecondsPerMillisecond
    actions.append(
      .log(.warning, "stood still for \(milliseconds) ms: the silence of workers counts from now on"))
  }

  // MARK: The end

  /// Handles SIGTERM, which comes from the kernel when the supervisor has died, or from an operator. The supervisor
  /// never sends it.
  private mutating func terminated(_ supervisorIsGone: Bool, _ now: UInt64, _ actions: inout [MasterAction]) {
    guard !stage.isEnding else { return }
    if supervisorIsGone {
      actions.append(.broadcast(.orphaned))
      return drain(now, &actions)
    }
    // Continues to serve until the supervisor has another generation, since that may fail to start.
    if !wasTerminated { actions.append(.reportLeaving) }
    wasTerminated = true
    if stage == .starting { drain(now, &actions) }
  }

  /// Ends a generation that can't start.
  ///
  /// - Parameter reason: the text to log; nil if the supervisor has it already.
  mutating func fail(_ code: ExitCode, _ reason: String?, _ now: UInt64, _ actions: inout [MasterAction]) {
    guard !stage.isEnding else { return }
    if let reason { actions.append(.reportFailure(reason)) }
    failureCode = code
    stop(now, &actions)
  }

  private mutating func drain(_ now: UInt64, _ actions: inout [MasterAction]) {
    guard !stage.isEnding else { return }
    stage = .draining
    killDeadline = now &+ limits.gracefulTimeout &+ Clock.nanosecondsPerSecond
    actions += [
      .limitLifetimes(to: now &+ limits.gracefulTimeout), .broadcast(.drain),
      // The workers have descriptors of their own: new clients are refused when the last of them is closed.
      .closeListeners,
    ]
    reportLeaving(&actions)
  }

  /// Reports each worker that has not been told to leave before.
  private func reportLeaving(_ actions: inout [MasterAction]) {
    for slot in workers.slots where workers[slot]?.isLeaving == false { report(slot, .leaving, &actions) }
  }

  /// Enough time to notify plugins, but not to wait for a blocking handler.
  static let stopTime = 300 * Clock.nanosecondsPerMillisecond

  private mutating func stop(_ now: UInt64, _ actions: inout [MasterAction]) {
    guard stage != .stopping else { return }
    let hasReported = stage == .draining
    stage = .stopping
    killDeadline = now &+ MasterState.stopTime
    actions += [.limitLifetimes(to: ScoreboardSlot.exitNow), .broadcast(.stop)]
    if !hasReported { reportLeaving(&actions) }
  }

  // MARK: The number of workers

  /// Adds or removes workers as far as there is room.
  private mutating func scale(by change: Int, _ now: UInt64, _ actions: inout [MasterAction]) {
    guard !stage.isEnding else { return }
    let change = MasterLimits.clamped(workerDelta: change)
    let before = workers.count
    for _ in 0..<max(0, change) {
      guard let workerIndex = workers.addWorkerIndex() else {
        actions.append(
          .log(.warning, "there is no room for more than \(workers.count) workers until the next reload"))
        break
      }
      actions.append(.spawn(workerIndex))
    }
    for _ in min(0, change)..<0 {
      for slot in workers.removeLastWorkerIndex() { drainWorker(slot, now, &actions) }
    }
    if workers.count != before { actions.append(.log(.info, "\(workers.count) worker(s) from now on")) }
  }
}
