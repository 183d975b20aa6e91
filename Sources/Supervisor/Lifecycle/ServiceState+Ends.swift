import Glibc
import IPC
import Logging
import Platform

// The end of generations, of their masters and workers, and of the service.

extension ServiceState {
  /// The time in which a master and its workers must exit at once.
  static let stopTime = 2 * Clock.nanosecondsPerSecond
  /// The same for workers without a master; handlers have 200 ms of it.
  static let orphanStopTime = 500 * Clock.nanosecondsPerMillisecond

  // MARK: The service

  /// Whether the service was told to end.
  var isEnding: Bool { target != .serve || drainAt != .max }

  /// Ends the service after `timeouts.shutdown_delay`, in which load balancers notice that it is not ready.
  mutating func beginShutdown(_ now: UInt64, _ actions: inout [ServiceAction]) {
    guard let settings = accepting?.settings, settings.shutdownDelay > 0 else { return drainAll(now, &actions) }
    let milliseconds = settings.shutdownDelay / Clock.nanosecondsPerMillisecond
    let status = "stopping: not ready any more, draining begins in \(milliseconds) ms (timeouts.shutdown_delay)"
    let longest = settings.shutdownDelay &+ settings.gracefulTimeout &+ ServiceState.stopTime &* 2
    actions += [.log(.info, status), .notify(.stopping(status, within: longest))]
    drainAt = now &+ settings.shutdownDelay
    reloadIsWanted = false
    replacementIsWanted = false
  }

  mutating func drainAll(_ now: UInt64, _ actions: inout [ServiceAction]) {
    let longest = generations.map(\.settings.gracefulTimeout).max() ?? 0
    let status = "stopping: requests in flight have \(longest / Clock.nanosecondsPerSecond) s to finish"
    actions += [.log(.info, status), .notify(.stopping(status))]
    enter(.drain, &actions)
    for index in generations.indices {
      switch generations[index].stage {
      case .serving, .leaving, .orphaned: command(.drain, index, now, &actions)
      // It has no requests yet.
      case .starting: command(.stop, index, now, &actions)
      case .draining, .stopping: break
      }
    }
  }

  mutating func stopAll(_ now: UInt64, _ actions: inout [ServiceAction]) {
    guard target != .stop else { return }
    actions += [.log(.info, "stopping now"), .notify(.stopping("stopping now"))]
    enter(.stop, &actions)
    for index in generations.indices where generations[index].stage != .stopping {
      command(.stop, index, now, &actions)
    }
  }

  /// Enters the final stages: no new clients and no new generations from here on.
  private mutating func enter(_ next: TargetState, _ actions: inout [ServiceAction]) {
    target = next
    drainAt = .max
    restartAt = .max
    reloadIsWanted = false
    replacementIsWanted = false
    actions.append(.closeListeners)
    if generations.isEmpty { exitCode = .ok }
  }

  /// Ends the service if it is stopping and has no generation left.
  private mutating func exitIfEmpty() {
    if target != .serve, generations.isEmpty { exitCode = exitCode ?? outcome }
  }

  // MARK: A generation

  /// Tells a generation to end.
  mutating func command(
    _ command: ServiceAction.Command, _ index: Int, _ now: UInt64, _ actions: inout [ServiceAction]
  ) {
    let number = generations[index].number
    if generations[index].stage == .starting { actions.append(.discard(number)) }
    generations[index].stage = command == .drain ? .draining : .stopping
    generations[index].deadline = now &+ (command == .drain ? generations[index].drainTime : ServiceState.stopTime)
    guard generations[index].hasEnded else {
      return actions.append(.send(command, to: number, isSuperseded: target == .serve))
    }
    if command == .stop { generations[index].deadline = now &+ ServiceState.orphanStopTime }
    generations[index].markLeavingWorkers()
    actions.append(.signalOrphans(number, command))
  }

  /// Kills a generation's master.
  mutating func kill(_ index: Int, _ actions: inout [ServiceAction]) {
    generations[index].deadline = .max
    // The pid may belong to another process now.
    if !generations[index].hasEnded { actions.append(.kill(generations[index].master)) }
  }

  /// A generation has missed its deadline to start or to exit.
  mutating func timedOut(_ index: Int, _ actions: inout [ServiceAction]) {
    let generation = generations[index]
    if generation.hasEnded { return killOrphans(index, &actions) }
    generations[index].isOverdue = generation.stage != .starting
    if generation.stage == .starting {
      let seconds = Double(generation.settings.bootTimeout) / Double(Clock.nanosecondsPerSecond)
      generations[index].failure =
        generation.failure ?? "not ready within boot_timeout (\(seconds) s), while \(generation.step)"
    } else {
      actions.append(
        .log(
          .warning, "master \(generation.master) of generation \(generation.number) did not end in time; killing it"))
    }
    generations[index].isKilled = true
    kill(index, &actions)
  }

  /// Removes a generation and keeps its counters.
  mutating func removeGeneration(_ index: Int) {
    let generation = generations.remove(at: index)
    if let board = generation.scoreboard { pastCounters.add(board.board) }
  }

  // MARK: Masters

  /// Another process has told the master to exit: it serves until the next generation does.
  mutating func toldToLeave(_ index: Int, _ now: UInt64, _ actions: inout [ServiceAction]) {
    // While the service stops, the master exits anyway.
    guard generations[index].stage == .serving, !isEnding else { return }
    restarts[.toldToLeave] += 1
    generations[index].stage = .leaving
    // Logged as a warning, since an operator may have intended it.
    restart(
      after: generations[index], because: "was told to leave, not by the supervisor", level: .warning, now, &actions)
  }

  /// Continues a stopped master. A master that is stopped too often is killed and replaced.
  mutating func masterStopped(_ index: Int, by signal: CInt, _ now: UInt64, _ actions: inout [ServiceAction]) {
    let generation = generations[index]
    let what = "master \(generation.master) of generation \(generation.number) was stopped by \(Signals.name(signal))"
    guard !generations[index].stops.add(now: now) else {
      actions += [.log(.warning, "\(what); continuing it"), .resume(generation.master)]
      return
    }
    actions.append(.log(.error, "\(what) again and again; killing it"))
    generations[index].failure = generation.failure ?? "its master was stopped again and again"
    generations[index].isKilled = true
    kill(index, &actions)
  }

  mutating func masterEnded(
    _ index: Int, _ exitStatus: Process.ExitStatus, _ now: Moment, _ actions: inout [ServiceAction]
  ) {
    generations[index].hasEnded = true
    let generation = generations[index]
    if generation.workers.isEmpty { removeGeneration(index) } else { continueWithoutMaster(index, now.time, &actions) }
    switch generation.stage {
    case .starting: startFailed(StartFailure(generation, exitStatus), now, &actions)
    case .serving, .leaving:
      if case .exited = exitStatus { restarts[.exited] += 1 } else { restarts[.killed] += 1 }
      restart(
        after: generation, because: "\(exitStatus)\(generation.hookNote(exitStatus))", level: .error, now.time, &actions
      )
    case .draining, .stopping: exitedWhileLeaving(generation, exitStatus, &actions)
    // Its master had ended before.
    case .orphaned: break
    }
    exitIfEmpty()
    startDidFinish(&actions)
  }

  /// Logs the end of a master that was told to exit, if it is abnormal. The master has logged the ends of its workers.
  private mutating func exitedWhileLeaving(
    _ generation: Generation, _ exitStatus: Process.ExitStatus, _ actions: inout [ServiceAction]
  ) {
    guard exitStatus != .exited(ExitCode.ok.rawValue) else { return }
    let hasLogged = exitStatus == .exited(ExitCode.software.rawValue)
    if !hasLogged && !generation.isKilled {
      let what = "master \(generation.master) of generation \(generation.number) \(exitStatus)"
      actions.append(.log(.error, "\(what) while it was leaving"))
    }
    // A generation that never served had no requests, and one that is told to stop drops its requests on purpose.
    guard target != .serve, generation.hasServed, generation.stage == .draining || hasLogged else { return }
    outcome = .software
  }

  /// The serving master has ended or is about to: starts another generation, unless one is starting.
  private mutating func restart(
    after generation: Generation, because reason: String, level: Logger.Level, _ now: UInt64,
    _ actions: inout [ServiceAction]
  ) {
    guard target == .serve else { return }
    var what = "master \(generation.master) of generation \(generation.number) \(reason)"
    if let orphaned, orphaned.number == generation.number {
      what += "; its \(orphaned.orphans) worker(s) go on serving without it"
    } else if generation.stage == .leaving {
      what += "; it serves until another generation does"
    }
    if let next = starting {
      return actions.append(.log(level, "\(what); generation \(next.number) is about to take over"))
    }
    backoff.setFirst(generation.settings.restartBackoff)
    let delay = restartLater(health: now &- generation.startedAt, now)
    actions += [
      .log(level, "\(what); starting another in \(delay) ms"), .notify(.status("\(what); starting another")),
    ]
  }

  // MARK: Workers without a master

  /// Advances a generation with workers and without a master to its next stage.
  private mutating func continueWithoutMaster(_ index: Int, _ now: UInt64, _ actions: inout [ServiceAction]) {
    let generation = generations[index]
    switch generation.stage {
    case _ where generation.stage.isServing && generation.workers.contains { $0.state == .ready }:
      generations[index].stage = .orphaned
      generations[index].deadline = .max
    case .starting, .serving, .leaving: command(.drain, index, now, &actions)
    case .orphaned, .draining, .stopping:
      let isStopping = generation.stage == .stopping
      actions.append(.signalOrphans(generation.number, isStopping ? .stop : .drain))
      let limit = now &+ (isStopping ? ServiceState.orphanStopTime : generation.drainTime)
      generations[index].deadline = generation.isOverdue ? now : min(generation.deadline, limit)
    }
  }

  /// Kills workers without a master after their deadline.
  private mutating func killOrphans(_ index: Int, _ actions: inout [ServiceAction]) {
    generations[index].deadline = .max
    let generation = generations[index]
    for worker in generation.workers {
      if generation.stage != .stopping {
        let what = "\(generation.name(of: worker)) has not finished within server.graceful_timeout"
        actions.append(.log(.error, "\(what); killing it"))
      }
      // Reaped workers are not in the list: the pid still belongs to this worker.
      actions.append(.kill(worker.pid))
    }
  }

  mutating func orphanEnded(
    _ index: Int, _ worker: WorkerStatus, _ exitStatus: Process.ExitStatus, _ lost: LostRequests,
    _ actions: inout [ServiceAction]
  ) {
    generations[index].workers.removeAll { $0.slot == worker.slot }
    let generation = generations[index]
    logExit(of: worker, exitStatus, lost, generation, &actions)
    guard generation.workers.isEmpty else { return }
    removeGeneration(index)
    if generation.stage == .orphaned {
      let what = "generation \(generation.number): its last worker has gone"
      actions.append(.log(.error, "\(what); no generation serves until another is ready"))
    }
    exitIfEmpty()
    startDidFinish(&actions)
  }

  private mutating func logExit(
    of worker: WorkerStatus, _ exitStatus: Process.ExitStatus, _ lost: LostRequests, _ generation: Generation,
    _ actions: inout [ServiceAction]
  ) {
    let isAbnormal =
      switch exitStatus {
      case .exited(0): false
      // It was never ready, so that no request is lost.
      case _ where worker.state == .starting: false
      // After `stop` a worker has hardly any time to exit.
      case .killed(SIGKILL) where generation.stage == .stopping: lost.count > 0
      default: true
      }
    let name = generation.name(of: worker)
    if isAbnormal {
      let others =
        "it has no master that would replace it, and \(generation.workers.count) other worker(s) go on serving"
      let rest = generation.stage == .orphaned ? "; \(others)" : ""
      actions.append(.log(.error, "\(name) \(exitStatus)\(rest)"))
      for line in lost.lines { actions.append(.log(.error, "\(name): \(line)")) }
      if target != .serve && generation.hasServed && generation.stage == .draining { outcome = .software }
    } else if generation.stage == .orphaned && worker.state == .ready {
      actions.append(.log(.warning, "\(name) has left, and has no master that would replace it"))
    }
  }
}

extension Generation {
  /// Longer than the master's own deadline for its workers.
  var drainTime: UInt64 { settings.gracefulTimeout &+ 2 * Clock.nanosecondsPerSecond }

  /// The hook of a plugin that the master was in, for its end.
  fileprivate func hookNote(_ exitStatus: Process.ExitStatus) -> String {
    guard !step.isEmpty else { return "" }
    // See Process.endAfter.
    return " while \(step)" + (exitStatus == .killed(SIGALRM) ? ", which took longer than boot_timeout" : "")
  }

  /// Its ready workers were told to leave.
  fileprivate mutating func markLeavingWorkers() {
    workers = workers.map { worker in
      guard worker.state == .ready else { return worker }
      return WorkerStatus(slot: worker.slot, pid: worker.pid, workerIndex: worker.workerIndex, state: .leaving)
    }
  }
}

extension StartFailure {
  /// The master of a starting generation has ended.
  fileprivate init(_ generation: Generation, _ exitStatus: Process.ExitStatus) {
    let own: ExitCode = if case .exited(let number) = exitStatus { ExitCode(failure: number) } else { .software }
    self.init(
      number: generation.number, cause: generation.cause, startedAt: generation.startedAt,
      reason: generation.failure ?? "master \(generation.master) \(exitStatus) while \(generation.step)",
      // A failure that was logged to a file is logged here too.
      isLogged: generation.failureIsLogged && generation.settings.errorLog == nil,
      code: generation.failureCode ?? own)
  }
}

extension ExitCode {
  /// The exit code for a master that could not start. It is never 0.
  fileprivate init(failure code: CInt) {
    self = code == 0 ? .software : ExitCode(rawValue: code) ?? .software
  }
}
