import Configuration
import Glibc
import IPC
import Logging
import Platform
import PluginHost
import Workers

// Performs the actions that `MasterState.handle` has decided.

extension MasterProcess {
  mutating func handle(_ event: MasterEvent) {
    for action in state.handle(event, at: Clock.monotonic()) { perform(action) }
  }

  private mutating func perform(_ action: MasterAction) {
    switch action {
    case .spawn(let workerIndex): spawn(workerIndex)
    case .startServing: startServing()
    case .broadcast(.drain): channels.broadcast(.drain)
    case .broadcast(.stop): channels.broadcast(.stop)
    case .broadcast(.orphaned): channels.broadcast(.orphaned)
    case .drain(let slot, let deadline):
      scoreboard.slot(slot).exitDeadline = deadline
      channels.send(.drain, to: slot)
    case .abort(let slot): abort(slot)
    case .kill(let pid): Process.send(SIGKILL, to: pid)
    case .limitLifetimes(let deadline): limitLifetimes(to: deadline)
    case .extendLifetimes(let span): extendLifetimes(by: span)
    case .closeListeners: for socket in listeners.sockets { ConnectedSocket.close(socket.fd) }
    case .report(let status): supervisor.sendWorkerStatus(status)
    case .reportFailure(let reason): supervisor.sendFailure(reason)
    case .reportLeaving: supervisor.sendLeaving()
    case .pause(let plugin, let end):
      let pause = PluginPause(plugin: plugin, until: end)
      channels.broadcast(.pause, pause.fields)
      supervisor.sendPause(pause)
    case .countRestart(let cause): scoreboard.countRestart(cause)
    case .logExit(let worker, let slot, let exitStatus, let sequel): logExit(worker, exitStatus, slot, then: sequel)
    case .countLost(let slot, let exitStatus, let wasLeaving):
      countLostRequests(of: slot, exitStatus, wasLeaving: wasLeaving)
    case .examineStart:
      let late = state.workers.slots.filter { state.workers[$0]?.isReady == false }
      handle(.startTimedOut(hook: late.compactMap { runningHook(of: $0) }.first))
    case .checkWorkers: handle(.workersChecked(samples))
    case .rotateTicketKeys: rotateTicketKeys(Clock.monotonic())
    case .log(let level, let text): log.log(level: level, "\(text)")
    }
  }

  /// The first workers are ready.
  private func startServing() {
    let settings = configuration.settings
    for fd in listeners.descriptors {
      ListeningSocket.deferAccept(fd, settings.server.workerModel == .sync)
      ListeningSocket.keepAlive(fd, settings)
    }
    let names = plugins.names.joined(separator: ", ")
    let urls = listeners.sockets.map(\.url).joined(separator: ", ")
    supervisor.sendPlugins(plugins.infos)
    supervisor.sendReady()
    // Logged after the message: from then on the supervisor replaces a master that exits.
    let model = settings.server.workerModel.rawValue
    log.info("serving \(names) on \(urls): worker model \(model), \(state.workers.count) worker(s)")
  }

  /// Sets the deadline of all workers in the scoreboard, where a worker sees it even within a handler. Earlier
  /// deadlines are kept.
  private func limitLifetimes(to deadline: UInt64) {
    for slot in state.workers.slots {
      let board = scoreboard.slot(slot)
      board.exitDeadline = board.exitDeadline == 0 ? deadline : min(board.exitDeadline, deadline)
    }
  }

  /// Postpones the deadlines of draining workers in the scoreboard.
  private func extendLifetimes(by span: UInt64) {
    for slot in state.workers.slots {
      let board = scoreboard.slot(slot)
      if board.exitDeadline != 0 { board.exitDeadline = board.exitDeadline.postponed(by: span) }
    }
  }

  /// Shows the workers that the master runs: a worker that was at a standstill waits for this before it acts on its
  /// deadline.
  func noteTurn() {
    let now = Clock.monotonic()
    for slot in state.workers.slots { scoreboard.slot(slot).masterTurn = now }
  }

  // MARK: The watchdog

  /// The observations of each worker from the scoreboard and the kernel.
  private var samples: [WorkerSample] {
    let memoryLimit = configuration.settings.server.memoryLimit
    return state.workers.slots.compactMap { slot in
      guard let worker = state.workers[slot] else { return nil }
      let cells = scoreboard.slot(slot)
      var sample = WorkerSample(slot: slot)
      guard worker.isReady else {
        sample.hook = runningHook(of: slot)
        return sample
      }
      sample.loopBusySince = cells.thread(0).busySince
      let threads = cells.poolThreads
      sample.threadsBusySince = threads > 0 ? (1...threads).map { cells.thread($0).busySince } : []
      sample.pluginThreads = cells.health.threads.map { thread in
        let plugin = scoreboard.pluginName(thread.plugin)
        return ("thread \(LogText.escaped(thread.name)) of plugin \(plugin)", thread.busySince)
      }
      if memoryLimit > 0, worker.replacementReason == nil, !worker.isLeaving {
        sample.memory = ResidentMemory.of(worker.pid)
      }
      return sample
    }
  }

  private func abort(_ slot: Int) {
    guard let worker = state.workers[slot] else { return }
    // Sent to the loop's thread, which stops accepting, so that other workers take the connections in the backlog.
    Process.send(
      SIGABRT, toThread: pid_t(truncatingIfNeeded: scoreboard.slot(slot).thread(0).thread), of: worker.pid)
    // A stopped process handles no other signal.
    Process.send(SIGCONT, to: worker.pid)
  }
}

extension WorkerProcess.Socket {
  /// The URL of a listener.
  fileprivate var url: String {
    let scheme = tls == nil ? "http" : "https"
    return switch address {
    case .ipv4, .ipv6: "\(scheme)://\(address)"
    case .unix(let path): tls == nil ? "unix:\(path)" : "unix:\(path) with TLS"
    }
  }
}
