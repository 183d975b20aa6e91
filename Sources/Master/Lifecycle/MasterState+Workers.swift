import Glibc
import IPC
import Platform

// What follows when a worker becomes ready, fails or exits.

extension MasterState {
  /// Tells the supervisor about a worker's state; it has no other source for pids and indices.
  func report(_ slot: Int, _ state: WorkerStatus.State, _ actions: inout [MasterAction]) {
    guard let worker = workers[slot] else { return }
    actions.append(
      .report(WorkerStatus(slot: slot, pid: worker.pid, workerIndex: worker.workerIndex, state: state)))
  }

  // MARK: Starting

  mutating func spawnFailed(_ workerIndex: Int, _ reason: String, _ now: UInt64, _ actions: inout [MasterAction]) {
    let reason = "worker \(workerIndex): \(reason)"
    actions.append(.log(.critical, reason))
    if stage == .starting {
      fail(.osError, reason, now, &actions)
    } else {
      workers.scheduleRestart(at: workerIndex, now: now)
    }
  }

  mutating func workerReady(_ slot: Int, _ now: UInt64, _ actions: inout [MasterAction]) {
    workers.update(slot) { $0.isReady = true }
    report(slot, .ready, &actions)
    if stage == .starting {
      guard workers.allReady else { return }
      stage = .serving
      nextCheckAt = now
      return actions.append(.startServing)
    }
    if let replaced = workers.replaced(by: slot) { drainWorker(replaced, now, &actions) }
    startNextReplacement(&actions)
  }

  /// The maximum number of log lines about workers that can't serve.
  private static let maxFailureLines = 64

  mutating func startFailed(_ slot: Int, _ reason: String, _ actions: inout [MasterAction]) {
    for line in reason.split(separator: "\n").prefix(MasterState.maxFailureLines) {
      actions.append(.log(.critical, String(line)))
    }
    // The supervisor gets only the reason of the first worker.
    if stage == .starting && !workers.slots.contains(where: { workers[$0]?.hasReportedFailure == true }) {
      actions.append(.reportFailure(reason))
    }
    workers.update(slot) { $0.hasReportedFailure = true }
  }

  // MARK: Replacement

  mutating func scheduleReplacement(
    of slot: Int, because reason: WorkerTable.ReplacementReason, _ actions: inout [MasterAction]
  ) {
    guard let worker = workers[slot], worker.replacementReason == nil, !worker.isLeaving else { return }
    actions += [
      .log(.info, "\(worker.name) \(reason.rawValue); replacing it"), .countRestart(reason.cause),
    ]
    workers.update(slot) { $0.replacementReason = reason }
    startNextReplacement(&actions)
  }

  /// Starts the replacement of a worker that needs one. The old worker serves until the new one is ready. There is one
  /// replacement at a time, and never more draining workers than active ones.
  mutating func startNextReplacement(_ actions: inout [MasterAction]) {
    guard stage == .serving, !workers.slots.contains(where: { workers[$0]?.isReady == false }),
      // A worker that is about to be forked is not ready either.
      !actions.contains(where: { if case .spawn = $0 { true } else { false } }),
      workers.slots.count(where: { workers[$0]?.isLeaving == true }) < workers.count
    else { return }
    for slot in workers.slots {
      guard let worker = workers[slot], worker.replacementReason != nil, !worker.isLeaving,
        !workers.hasScheduledStart(at: worker.workerIndex)
      else { continue }
      return actions.append(.spawn(worker.workerIndex))
    }
  }

  /// Tells a worker to finish its requests and exit. Its slot stays in use until then.
  mutating func drainWorker(_ slot: Int, _ now: UInt64, _ actions: inout [MasterAction]) {
    let deadline = now &+ limits.gracefulTimeout
    workers.update(slot) {
      $0.isLeaving = true
      $0.killAt = deadline &+ Clock.nanosecondsPerSecond
    }
    report(slot, .leaving, &actions)
    actions.append(.drain(slot, deadline: deadline))
  }

  // MARK: Ending

  mutating func workerEnded(
    _ slot: Int, _ exitStatus: Process.ExitStatus, _ remains: WorkerRemains, _ now: UInt64,
    _ actions: inout [MasterAction]
  ) {
    guard let worker = workers[slot] else { return }
    report(slot, .gone, &actions)
    workers.remove(slot)
    let wasLeaving = worker.isLeaving || stage.isEnding
    if stage == .starting && !worker.isReady {
      exitedWhileStarting(worker, slot, exitStatus, remains, now, &actions)
    } else if wasLeaving {
      exitedWhileLeaving(worker, slot, exitStatus, remains, &actions)
    } else {
      exitedWhileActive(worker, slot, exitStatus, remains, now, &actions)
    }
    actions.append(.countLost(slot: slot, exitStatus, wasLeaving: wasLeaving || stage.isEnding))
    startNextReplacement(&actions)
  }

  private mutating func exitedWhileStarting(
    _ worker: WorkerTable.Entry, _ slot: Int, _ exitStatus: Process.ExitStatus, _ remains: WorkerRemains,
    _ now: UInt64, _ actions: inout [MasterAction]
  ) {
    let circumstances = " while starting" + (remains.hook.map { ", in \($0)" } ?? "")
    let isConfiguration = worker.hasReportedFailure || exitStatus == .exited(ExitCode.configuration.rawValue)
    if !worker.hasReportedFailure {
      actions.append(.logExit(worker, slot: slot, exitStatus, sequel: circumstances))
    }
    fail(
      isConfiguration ? .configuration : .software,
      worker.hasReportedFailure ? nil : "\(worker.name) \(exitStatus)\(circumstances)", now, &actions)
  }

  /// Logs the end of a draining worker, if it is abnormal.
  private mutating func exitedWhileLeaving(
    _ worker: WorkerTable.Entry, _ slot: Int, _ exitStatus: Process.ExitStatus, _ remains: WorkerRemains,
    _ actions: inout [MasterAction]
  ) {
    let isAbnormal =
      switch exitStatus {
      // It exited as told, or because a plugin called exit.
      case .exited(0): !remains.hasSignal && remains.hasTraces
      // The worker has reported why.
      case .exited where worker.hasReportedFailure: false
      // A worker that is not yet ready ends in this way.
      case .killed(SIGTERM) where !worker.isReady: false
      // After `stop` a worker has hardly any time to exit.
      case .killed(SIGKILL) where stage == .stopping: remains.hasRequestsInFlight
      default: true
      }
    guard isAbnormal else { return }
    if stage == .draining { hasLostWorker = true }
    actions.append(.logExit(worker, slot: slot, exitStatus, sequel: ""))
  }

  /// A worker that was to serve has crashed, hung or given up: starts another one after a backoff.
  private mutating func exitedWhileActive(
    _ worker: WorkerTable.Entry, _ slot: Int, _ exitStatus: Process.ExitStatus, _ remains: WorkerRemains,
    _ now: UInt64, _ actions: inout [MasterAction]
  ) {
    let cause: RestartCause =
      worker.isAborted && !worker.hasViolatedProtocol ? .hung : worker.hasReportedFailure ? .refused : .crashed
    actions.append(.countRestart(cause))
    let workerIndex = worker.workerIndex
    func milliseconds(_ span: UInt64) -> String { "\(span / Clock.nanosecondsPerMillisecond) ms" }
    if workers.isOccupied(workerIndex) {
      // The worker was a replacement: the next replacement waits for the backoff.
      let delay =
        workers.needsReplacement(at: workerIndex) ? workers.scheduleRestart(at: workerIndex, now: now) : nil
      let sequel = delay.map { "; the next replacement starts in \(milliseconds($0))" } ?? ""
      return actions.append(.logExit(worker, slot: slot, exitStatus, sequel: sequel))
    }
    let paused = remains.failedPlugin.flatMap { plugin in
      circuitBreaker.recordCrash(of: plugin, at: now).map { (plugin: plugin, until: $0) }
    }
    if let paused { actions.append(.pause(plugin: paused.plugin, until: paused.until)) }
    let delay =
      paused == nil
      ? workers.scheduleRestart(at: workerIndex, now: now)
      : workers.scheduleBlamelessRestart(at: workerIndex, now: now)
    actions.append(
      .logExit(worker, slot: slot, exitStatus, sequel: "; its replacement starts in \(milliseconds(delay))"))
    if let paused {
      let name = limits.pluginNames.indices.contains(paused.plugin) ? limits.pluginNames[paused.plugin] : "?"
      let text =
        "plugin \(name) has crashed plugin.max_fails workers or more: "
        + "it is paused for \(milliseconds(paused.until &- now)), and its requests get 503"
      actions.append(.log(.error, text))
    }
  }
}
