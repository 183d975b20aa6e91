import Platform

// Starting generations: at the service's start, for a reload, or after the end of a master. The serving generation is
// not affected until another one is ready.

/// A generation that could not start.
struct StartFailure {
  let number: Int
  let cause: Generation.Cause
  let startedAt: UInt64
  let reason: String
  /// The master has logged the reason where operators see it.
  var isLogged = false
  let code: ExitCode
}

extension ServiceState {
  /// The maximum number of draining generations. At the limit a reload waits until one of them has ended.
  static let maxDraining = 16

  mutating func launch(_ cause: Generation.Cause, _ actions: inout [ServiceAction]) {
    restartAt = .max
    generationCount += 1
    actions.append(.launch(generationCount, cause))
  }

  mutating func launched(_ number: Int, _ actions: inout [ServiceAction]) {
    guard let index = index(of: number), generations[index].cause == .reload else { return }
    let status = "reloading: generation \(number) starts, master \(generations[index].master)"
    actions += [.log(.info, status), .notify(.reloading(status))]
  }

  mutating func reload(_ actions: inout [ServiceAction]) {
    guard !isEnding, exitCode == nil else { return }
    guard !reloadHasToWait else {
      if !reloadIsWanted { actions.append(.log(.info, "reload queued behind the one in progress")) }
      reloadIsWanted = true
      return
    }
    reloadIsWanted = false
    launch(.reload, &actions)
  }

  /// Whether a reload has to wait: for the current start, or for one of too many draining generations.
  var reloadHasToWait: Bool { starting != nil || drainingCount >= ServiceState.maxDraining }

  private var drainingCount: Int { generations.count { $0.stage == .draining } }

  /// A start has succeeded or failed: begins the replacement or reload that has waited for it.
  mutating func startDidFinish(_ actions: inout [ServiceAction]) {
    if replacementIsWanted { probe(&actions) }
    if reloadIsWanted { reload(&actions) }
  }

  /// A generation is ready and takes over from the serving one.
  mutating func becameReady(_ index: Int, _ now: Moment, _ actions: inout [ServiceAction]) {
    guard generations[index].stage == .starting else { return }
    let number = generations[index].number
    generations[index].stage = .serving
    generations[index].step = ""
    generations[index].hasServed = true
    generations[index].deadline = .max
    workerDelta = generations[index].clamped(workerDelta: workerDelta)
    actions += [.activate(number), .notify(.ready("serving, generation \(number)"))]
    for old in generations.indices where old != index && generations[old].stage.isAccepting {
      actions.append(.log(.info, "generation \(number) serves, generation \(generations[old].number) finishes"))
      command(.drain, old, now.time, &actions)
    }
    stopOldestDraining(now.time, &actions)
    if generations[index].cause == .reload { reloadEnded(number, generations[index].startedAt, failure: nil, now) }
    startDidFinish(&actions)
  }

  /// Stops the oldest draining generations beyond the limit. Only a generation that replaces a dead master can exceed
  /// the limit, since reloads wait.
  private mutating func stopOldestDraining(_ now: UInt64, _ actions: inout [ServiceAction]) {
    while drainingCount > ServiceState.maxDraining {
      guard let index = generations.firstIndex(where: { $0.stage == .draining }) else { return }
      let number = generations[index].number
      actions.append(
        .log(.warning, "generation \(number) is stopped: more than \(ServiceState.maxDraining) would drain at once"))
      command(.stop, index, now, &actions)
    }
  }

  private mutating func reloadEnded(_ number: Int, _ startedAt: UInt64, failure: String?, _ now: Moment) {
    if failure == nil { reloads.succeeded += 1 } else { reloads.failed += 1 }
    lastReload = Reload(
      generation: number, endedAt: now.date, duration: now.time &- startedAt, failure: failure)
  }

  // MARK: Failures

  mutating func startFailed(_ failed: StartFailure, _ now: Moment, _ actions: inout [ServiceAction]) {
    actions.append(.discard(failed.number))
    guard target == .serve else { return }
    switch failed.cause {
    case .start:
      if !failed.isLogged { actions.append(.log(.critical, failed.reason)) }
      if generations.isEmpty {
        exitCode = failed.code
      } else {
        // An earlier master has died and left workers without a master.
        outcome = failed.code
        drainAll(now.time, &actions)
      }
      actions.append(.notify(.status("not started: \(failed.reason)")))
    case .reload:
      reloadEnded(failed.number, failed.startedAt, failure: failed.reason, now)
      let status = "\(failed.reason); \(whoServes)"
      actions += [.log(.error, "reload failed: \(status)"), .notify(.ready("Reload failed: \(status)"))]
      if serving?.stage != .serving { restartLater(health: 0, now.time) }
    case .restart:
      restarts[.failedToStart] += 1
      let delay = restartLater(health: 0, now.time)
      let status =
        "generation \(failed.number) did not start: \(failed.reason); trying again in \(delay) ms\(fallbackAdvice)"
      actions += [.log(.error, status), .notify(.status(status))]
    }
  }

  /// What serves after a failed reload, for the log.
  private var whoServes: String {
    serving.map { "generation \($0.number) goes on serving" }
      ?? orphaned.map { "\($0.orphans) worker(s) of generation \($0.number) go on serving without a master" }
      ?? "no generation serves"
  }

  /// What serves meanwhile, and what the operator should do, for the log line about a failed start.
  private var fallbackAdvice: String {
    if let leaving = serving {
      return """
        ; until then generation \(leaving.number) serves, whose master \(leaving.master) was told to leave: fix the cause, and \
        reload
        """
    }
    guard let orphaned else { return "" }
    return """
      ; until then \(orphaned.orphans) worker(s) of generation \(orphaned.number) serve without a master, and none of \
      them is replaced: fix the cause, and reload
      """
  }

  /// - Returns: the wait in milliseconds.
  @discardableResult
  mutating func restartLater(health: UInt64, _ now: UInt64) -> UInt64 {
    let delay = backoff.delay(health: health)
    restartAt = now &+ delay
    return delay / Clock.nanosecondsPerMillisecond
  }
}
