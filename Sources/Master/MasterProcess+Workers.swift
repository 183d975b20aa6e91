import Configuration
import Glibc
import IPC
import Platform
import Workers

// Workers: spawning, messages, reaping.

extension MasterProcess {
  /// Forks a worker for an index, if a slot is free.
  mutating func spawn(_ workerIndex: Int) {
    guard !state.stage.isEnding, let number = state.workers.freeSlot else { return }
    let slot = scoreboard.slot(number)
    slot.resetForNextWorker()
    slot.state = .starting
    do throws(Errno) {
      let (channel, workerEnd) = try Channel.pair(sealed: true)
      let parent = Process.id
      prepareFork()
      switch try Process.fork() {
      case .child: runWorker(workerIndex, slot, workerEnd, parent: parent)
      case .parent(let child):
        channels.open(number, channel)
        handle(.spawned(workerIndex: workerIndex, slot: number, pid: child))
        try epoll.add(channel.raw, .readable, token: MasterProcess.firstWorkerToken + UInt64(number))
      }
    } catch {
      handle(.spawnFailed(workerIndex: workerIndex, reason: "\(error)"))
    }
  }

  /// In the child: serves, then exits without returning into the master's loop.
  private func runWorker(
    _ workerIndex: Int, _ slot: ScoreboardSlot, _ channel: Channel, parent: pid_t
  ) -> Never {
    ProcessTitle.set("worker \(workerIndex) (\(configuration.settings.server.workerModel.rawValue))")
    ErrorLog.resetLostLines()
    Signals.reset()
    Signals.discard(MasterProcess.ignoredSignals)
    Process.closeDescriptors(
      except: listeners.descriptors + channel.descriptors
        + [accessLog, supervisor.shutdownPipe, store].compactMap { $0 })
    scoreboard.unmapOthers(
      except: slot, keepsDefinitions: configuration.settings.plugins.contains { $0.load == .worker })
    accessLogMemory?.leaveOnly(slot.index)
    guard Process.bindToParent(parent, signal: SIGTERM) else { Process.exit(.ok) }
    var settings = configuration.settings
    settings.listeners = listeners.settings
    let worker = WorkerProcess(
      settings: settings, plugins: plugins, sockets: listeners.sockets, workerIndex: workerIndex,
      workers: state.workers.count, channel: channel, shutdownPipe: supervisor.shutdownPipe, slot: slot,
      store: store, accessLog: accessLog,
      accessLogRegion: accessLogMemory?.region(slot.index), logTruncations: logTruncations,
      pausedPlugins: PausedPlugins(ends: state.circuitBreaker.pausedUntil))
    worker.run(role: "worker \(workerIndex)", level: level)
  }

  /// Handles the messages that a worker has sent.
  ///
  /// - Parameter hasEnded: whether its process has ended, so that these are its last messages.
  mutating func handleWorkerMessages(_ slot: Int, hasEnded: Bool = false) {
    while let incoming = channels.receive(from: slot) {
      switch incoming {
      case .event(let event): handle(event)
      case .closed: return closeChannel(slot)
      case .violation(let reason):
        closeChannel(slot)
        if !hasEnded { handle(.protocolViolated(slot, reason: reason)) }
        return
      }
    }
  }

  private mutating func closeChannel(_ slot: Int) {
    if let fd = channels.descriptor(slot) { epoll.remove(fd) }
    channels.close(slot)
  }

  /// Reaps exited workers.
  mutating func reap() {
    while let (pid, exitStatus) = Process.reap() {
      guard let slot = state.workers.slot(of: pid) else { continue }
      handleWorkerMessages(slot, hasEnded: true)
      closeChannel(slot)
      scoreboard.slot(slot).state = .absent
      // Tells other workers that this one has no room, so that they leave it no connections.
      scoreboard.slot(slot).capacityHints.report(false)
      handle(.workerEnded(slot, exitStatus, remains(of: slot, exitStatus)))
    }
  }

  private func remains(of slot: Int, _ exitStatus: Process.ExitStatus) -> WorkerRemains {
    let report = CrashReport(scoreboard.slot(slot), pluginNames: plugins.names)
    return WorkerRemains(
      hook: runningHook(of: slot), failedPlugin: report.failedPlugin(exitStatus), hasSignal: report.signal != nil,
      // Symbol names are looked up only if they matter.
      hasTraces: exitStatus == .exited(0) && !report.traces.isEmpty, hasRequestsInFlight: report.hasRequestsInFlight)
  }

  /// The hook that a starting worker runs, and its plugin; nil if it runs none.
  func runningHook(of slot: Int) -> String? {
    guard let running = scoreboard.slot(slot).runningHook, plugins.names.indices.contains(running.plugin) else {
      return nil
    }
    return "\(running.hook.name) of plugin \(plugins.names[running.plugin])"
  }

  /// Logs a worker's exit with its requests and stacks.
  func logExit(_ worker: WorkerTable.Entry, _ exitStatus: Process.ExitStatus, _ slot: Int, then sequel: String) {
    let report = CrashReport(scoreboard.slot(slot), pluginNames: plugins.names)
    let name = worker.name
    var end = "\(exitStatus)"
    if let signal = report.signal, exitStatus != .killed(signal) { end += " after \(Signals.name(signal))" }
    log.error("\(name) \(end)\(report.failedRequest)\(sequel)")
    for line in report.otherRequests + report.traces { log.error("\(name): \(line)") }
  }
}
