import Glibc
import Logging
import Platform

// The life of generations: one starts, serves, drains. The one that serves is touched only when another is ready.

extension Supervisor {
  /// So many generations drain at most; a reload waits until one of them has ended.
  static let mostDraining = 16

  // MARK: Starting

  mutating func start(_ cause: Generation.Cause) {
    restartAt = .max
    state.generationCount += 1
    let number = state.generationCount
    let startedAt = Clock.monotonic()
    do throws(Errno) {
      let (pid, channel) = try program.launch()
      state.generations.append(
        Generation(
          number: number, master: pid, cause: cause, startedAt: startedAt, settings: lastSettings, channel: channel))
      try epoll.add(channel.raw, .readable, token: Supervisor.firstChannelToken + UInt64(number))
      if cause == .reload {
        let status = "reloading: generation \(number) starts, master \(pid)"
        log.info("\(status)")
        ServiceNotification.reloading(status)
      }
    } catch {
      if let index = state.index(of: number) {
        state.generations[index].failure = "\(error)"
        kill(index)
      } else {
        failed(number, cause, startedAt, reason: "\(error)", isTold: false, code: .osError)
      }
    }
  }

  /// Those of the newest generation that had any: the best guess for the next.
  private var lastSettings: Generation.Settings { state.generations.last?.settings ?? Generation.Settings() }

  mutating func reload() {
    guard aim == .serve, exitCode == nil else { return }
    guard state.starting == nil, !drainsTooMany else {
      if !reloadIsWanted { log.info("a reload is wanted: it follows when the present one is through") }
      reloadIsWanted = true
      return
    }
    reloadIsWanted = false
    start(.reload)
  }

  /// A reload has to wait.
  var drainsTooMany: Bool { drainingCount >= Supervisor.mostDraining }

  private var drainingCount: Int { state.generations.count { $0.stage == .draining } }

  /// The generation's workers are ready: it takes over.
  mutating func isReady(_ index: Int) {
    guard state.generations[index].stage == .starting else { return }
    let generation = state.generations[index]
    for fault in store.settle(generation.claims, user: generation.settings.user) {
      log.warning("a listener is not changed: \(fault)")
    }
    settlePidFile(generation.settings.pidFile)
    settleErrorLog(generation.settings)
    log.logLevel = generation.settings.logLevel
    settleDoors(generation.settings)
    state.generations[index].stage = .serving
    state.generations[index].hasServed = true
    state.generations[index].deadline = .max
    state.generations[index].scoreboard = state.generations[index].nextScoreboard
    state.scale = generation.settled(scale: state.scale)
    ServiceNotification.ready("serving, generation \(generation.number)")
    for old in state.generations.indices where old != index && state.generations[old].stage == .serving {
      log.info("generation \(generation.number) serves, generation \(state.generations[old].number) finishes")
      drain(old)
    }
    if generation.cause == .reload { reloadEnded(generation.number, generation.startedAt, failure: nil) }
    isThrough()
  }

  /// A start has come to its end, good or bad: what waited for it follows.
  private mutating func isThrough() {
    if replacementIsWanted { beginReplacement() }
    if reloadIsWanted { reload() }
  }

  private mutating func reloadEnded(_ number: Int, _ startedAt: UInt64, failure: String?) {
    if failure == nil { state.reloads.succeeded += 1 } else { state.reloads.failed += 1 }
    state.lastReload = ServiceState.Reload(
      generation: number, endedAt: Clock.epochSeconds(), duration: Clock.monotonic() &- startedAt, failure: failure)
  }

  // MARK: What a master wants

  /// The master has read its configuration: it gets the sockets that there are.
  mutating func begin(_ index: Int) {
    guard state.generations[index].stage == .starting, let line = state.generations[index].channel else { return }
    let settings = state.generations[index].settings
    if let obstacle = preparePidFile(settings) ?? prepareMetrics(settings) {
      state.generations[index].failure = obstacle.reason
      state.generations[index].failureCode = obstacle.code
      kill(index)
      return
    }
    line.send(kind: MasterMessage.scale.rawValue, text: Array("\(state.scale)".utf8))
    let beginning = MasterLimits.workers(configured: settings.workers ?? MasterLimits.workers, scale: state.scale)
    state.generations[index].mostWorkers = beginning + MasterLimits.spareWorkers
    passJournal(index, over: line)
    if let keys = state.ticketKeys { line.send(kind: MasterMessage.ticketKeys.rawValue, text: Array(keys.utf8)) }
    for name in store.dropUnusable() {
      log.error("\(name) listens no more, or not as it was bound: one of its processes has done that; it is bound anew")
    }
    guard store.sendAll(over: line), line.send(kind: MasterMessage.begin.rawValue) else {
      state.generations[index].failure = "the master does not take the listening sockets"
      kill(index)
      return
    }
  }

  /// Somebody but the supervisor has told the master to finish: it does, and another takes its place.
  mutating func isLeaving(_ index: Int) {
    guard state.generations[index].stage == .serving else { return }
    state.restarts[.toldToLeave] += 1
    state.generations[index].stage = .draining
    state.generations[index].deadline = Clock.monotonic() &+ drainTime(index)
    endOldestDraining()
    // What somebody wanted is no error.
    restart(after: state.generations[index], because: "was told to finish, not by the supervisor", level: .warning)
  }

  /// A reload waits until there is room for one more that drains. A master that leaves by itself, or by what its plugins
  /// say, has left: the one that has drained longest makes room.
  private mutating func endOldestDraining() {
    while drainingCount > Supervisor.mostDraining {
      guard let index = state.generations.firstIndex(where: { $0.stage == .draining }) else { return }
      log.warning(
        "generation \(state.generations[index].number) has to end now: more than \(Supervisor.mostDraining) finish at once"
      )
      stop(index)
    }
  }

  // MARK: Ends

  /// The master of a generation has ended and is buried.
  mutating func ended(_ index: Int, _ ending: Process.Ending) {
    state.generations[index].hasEnded = true
    readLastWords(of: state.generations[index].number)
    hangUp(index)
    let generation = state.generations.remove(at: index)
    if let board = generation.scoreboard { state.pastTotals.add(board.board) }
    switch generation.stage {
    case .starting:
      let reason = generation.failure ?? "master \(generation.master) \(ending) while \(generation.step)"
      let own: ExitCode = if case .exited(let number) = ending { ExitCode(failure: number) } else { .software }
      failed(
        generation.number, generation.cause, generation.startedAt, reason: reason,
        // What went to a log file is said here too.
        isTold: generation.failureIsTold && generation.settings.errorLog == nil,
        code: generation.failureCode ?? own)
    case .serving:
      if case .exited = ending { state.restarts[.exited] += 1 } else { state.restarts[.killed] += 1 }
      restart(after: generation, because: "\(ending)")
    case .draining, .stopping: endedWhileLeaving(generation, ending)
    }
    if aim != .serve, state.generations.isEmpty { exitCode = exitCode ?? outcome }
    isThrough()
  }

  /// A master that was to leave has ended: as it should, or with what somebody has to know. Of its workers it has told itself.
  private mutating func endedWhileLeaving(_ generation: Generation, _ ending: Process.Ending) {
    guard ending != .exited(ExitCode.ok.rawValue) else { return }
    let hasTold = ending == .exited(ExitCode.software.rawValue)
    if !hasTold && !generation.isKilled {
      log.error("master \(generation.master) of generation \(generation.number) \(ending) while it was to leave")
    }
    // One that never served had nothing to lose, and whoever has to leave at once loses what there is.
    guard aim != .serve, generation.hasServed, generation.stage == .draining || hasTold else { return }
    outcome = .software
  }

  /// A generation could not start.
  private mutating func failed(
    _ number: Int, _ cause: Generation.Cause, _ startedAt: UInt64, reason: String, isTold: Bool, code: ExitCode
  ) {
    store.discard(number)
    discardPidFile()
    discardNextMetrics()
    guard aim == .serve else { return }
    switch cause {
    case .start:
      if !isTold { log.critical("\(reason)") }
      ServiceNotification.status("not started: \(reason)")
      exitCode = code
    case .reload:
      reloadEnded(number, startedAt, failure: reason)
      let consequence = state.serving.map { "generation \($0.number) goes on serving" } ?? "nobody serves"
      log.error("reload failed: \(reason); \(consequence)")
      ServiceNotification.ready("Reload failed: \(reason); \(consequence)")
      if state.serving == nil { restartLater(health: 0) }
    case .restart:
      state.restarts[.failedToStart] += 1
      let delay = restartLater(health: 0)
      let status = "generation \(number) did not start: \(reason); trying again in \(delay) ms"
      log.error("\(status)")
      ServiceNotification.status(status)
    }
  }

  /// Nobody serves any more: unless a generation is on its way, another follows.
  private mutating func restart(after generation: Generation, because reason: String, level: Logger.Level = .error) {
    guard aim == .serve else { return }
    let what = "master \(generation.master) of generation \(generation.number) \(reason)"
    if let next = state.starting {
      log.log(level: level, "\(what); generation \(next.number) is about to take over")
      return
    }
    backoff.setFirst(generation.settings.restartBackoff)
    let delay = restartLater(health: Clock.monotonic() &- generation.startedAt)
    log.log(level: level, "\(what); starting another in \(delay) ms")
    ServiceNotification.status("\(what); starting another")
  }

  /// - Returns: the wait in milliseconds.
  @discardableResult
  private mutating func restartLater(health: UInt64) -> UInt64 {
    let delay = backoff.delay(health: health)
    restartAt = Clock.monotonic() &+ delay
    return delay / Clock.nanosecondsPerMillisecond
  }

  // MARK: Telling masters

  /// What a master and its workers get to leave at once.
  static let stopTime = 2 * Clock.nanosecondsPerSecond

  /// A master ends its workers itself when their time is over; this comes after that.
  func drainTime(_ index: Int) -> UInt64 {
    state.generations[index].settings.gracefulTimeout &+ 2 * Clock.nanosecondsPerSecond
  }

  mutating func drain(_ index: Int) {
    tell(index, .drain, then: .draining, within: drainTime(index))
  }

  mutating func stop(_ index: Int) {
    tell(index, .stop, then: .stopping, within: Supervisor.stopTime)
  }

  private mutating func tell(_ index: Int, _ message: MasterMessage, then next: Generation.Stage, within: UInt64) {
    if state.generations[index].stage == .starting {
      store.discard(state.generations[index].number)
      discardPidFile()
      discardNextMetrics()
    }
    state.generations[index].stage = next
    state.generations[index].deadline = Clock.monotonic() &+ within
    let why = aim == .serve ? "superseded" : ""
    if state.generations[index].channel?.send(kind: message.rawValue, text: Array(why.utf8)) != true { kill(index) }
  }

  /// The time of a generation to start, or to leave, is over.
  mutating func isLate(_ index: Int) {
    let generation = state.generations[index]
    if generation.stage == .starting {
      let seconds = Double(generation.settings.bootTimeout) / Double(Clock.nanosecondsPerSecond)
      state.generations[index].failure =
        generation.failure ?? "not ready within boot_timeout (\(seconds) s), while \(generation.step)"
    } else {
      log.warning("master \(generation.master) of generation \(generation.number) did not end in time: killed")
    }
    state.generations[index].isKilled = true
    kill(index)
  }

  mutating func kill(_ index: Int) {
    state.generations[index].deadline = .max
    // Its number may be somebody else's by then.
    guard !state.generations[index].hasEnded else { return }
    Process.send(SIGKILL, to: state.generations[index].master)
  }
}

extension ExitCode {
  /// How a master that could not start has exited; none exits well before it serves.
  fileprivate init(failure code: CInt) {
    self = code == 0 ? .software : ExitCode(rawValue: code) ?? .software
  }
}
