import Glibc
import HTTP
import IPC
import Logging
import Platform

// Performs the actions that `ServiceState.handle` has decided.

extension Supervisor {
  mutating func handle(_ event: ServiceEvent) {
    for action in state.handle(event, at: .now) { perform(action) }
  }

  private mutating func perform(_ action: ServiceAction) {
    switch action {
    case .launch(let number, let cause): launch(number, cause)
    case .activate(let number): activate(number)
    case .discard(let number):
      store.discard(number)
      discardPidFile()
      discardNextMetrics()
    case .send(let command, let number, let isSuperseded):
      var fields = KeyedFields()
      fields.set("superseded", isSuperseded)
      if channel(of: number)?.send(command.message, fields) != true { handle(.commandFailed(number)) }
    case .scale(let number, let change):
      channel(of: number)?.send(MasterMessage.scale, KeyedFields("by", change))
    case .signalOrphans(let number, let command):
      if let index = state.index(of: number) { state.generations[index].shutdownPipe?.send(command.shutdown) }
    case .kill(let pid): Process.send(SIGKILL, to: pid)
    case .resume(let pid): Process.send(SIGCONT, to: pid)
    case .closeListeners: store.removeAll()
    case .probe: startProbe()
    case .replace: replaceProgram()
    case .reportReplacementFailure(let reason):
      log.error("the supervisor is not replaced: \(reason)")
      replacementFailure = reason
    case .notify(let notification): notification.send()
    case .log(let level, let text): log.log(level: level, "\(text)")
    }
  }

  private func channel(of number: Int) -> Channel? { state.index(of: number).flatMap { state.generations[$0].channel } }

  private mutating func launch(_ number: Int, _ cause: Generation.Cause) {
    let startedAt = Clock.monotonic()
    do throws(Errno) {
      let (pid, channel, shutdownPipe) = try launcher.launch(number)
      // The settings of the newest generation apply until the new one has sent its own.
      let settings = state.generations.last?.settings ?? Generation.Settings()
      state.generations.append(
        Generation(
          number: number, master: pid, cause: cause, startedAt: startedAt, settings: settings, channel: channel,
          shutdownPipe: shutdownPipe))
      try epoll.add(channel.raw, .readable, token: Supervisor.firstChannelToken + UInt64(number))
    } catch {
      let isLaunched = state.index(of: number) != nil
      return handle(
        isLaunched ? .unusable(number, reason: "\(error)") : .launchFailed(number, cause, reason: "\(error)"))
    }
    handle(.launched(number))
  }

  /// A generation serves from here on: applies its settings to the service.
  private mutating func activate(_ number: Int) {
    guard let index = state.index(of: number) else { return }
    let generation = state.generations[index]
    for error in store.activate(generation.listenerSpecs, user: generation.settings.user) {
      log.warning("a listener is not changed: \(error)")
    }
    activatePidFile(generation.settings.pidFile)
    activateErrorLog(generation.settings)
    if let header = generation.settings.serverHeader { ServerField.use(header) }
    log.logLevel = generation.settings.logLevel
    activateAdminListeners(generation.settings)
    watchAlone(generation.settings.watched)
    state.generations[index].scoreboard = generation.nextScoreboard
  }

  /// The master has read its configuration: sends it the state that former generations have left.
  mutating func begin(_ index: Int) {
    guard state.generations[index].stage == .starting, let channel = state.generations[index].channel else { return }
    let number = state.generations[index].number
    let settings = state.generations[index].settings
    if let failure = preparePidFile(settings) ?? prepareMetrics(settings) {
      return handle(.unusable(number, reason: failure.reason, code: failure.code))
    }
    channel.send(MasterMessage.scale, KeyedFields("by", state.workerDelta))
    watchToo(settings.watched)
    let initialWorkers = MasterLimits.workers(
      configured: settings.workers ?? MasterLimits.workers, workerDelta: state.workerDelta)
    state.generations[index].maxWorkers = initialWorkers + MasterLimits.spareWorkers
    passJournal(index, over: channel)
    passStore(settings.store, over: channel)
    if let keys = state.ticketKeys { channel.send(MasterMessage.ticketKeys, KeyedFields("keys", keys)) }
    for name in store.dropUnusable() {
      log.error("\(name) no longer listens as it was bound: a process of the server has changed it; binding it again")
    }
    guard store.sendAll(over: channel), channel.send(MasterMessage.begin) else {
      return handle(.unusable(number, reason: "the master does not accept the listening sockets"))
    }
  }

  /// The master of a generation has ended and was reaped.
  mutating func masterEnded(_ index: Int, _ exitStatus: Process.ExitStatus) {
    let number = state.generations[index].number
    // Its pid may belong to another process from here on.
    state.generations[index].hasEnded = true
    readFinalMessages(of: number)
    closeChannel(index)
    adoptWorkers(of: index)
    handle(.masterEnded(number, exitStatus))
  }
}
