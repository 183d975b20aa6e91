import Configuration
import Glibc
import HTTP
import IPC
import Logging
import Platform
import PluginHost
import TLS
import Workers

/// The master of one generation: binds, loads the plugins, spawns workers, and replaces those that exit.
///
/// It never starts a thread: workers are forks without exec.
package struct MasterProcess: ~Copyable {
  let configuration: Configuration
  let log: Logger
  let level: Logger.Level
  let epoll: Epoll
  private let signals: SignalDescriptor
  private var timer: TimerDescriptor
  let supervisor: SupervisorChannel
  let listeners: Listeners
  /// The descriptor that new workers inherit, for the life of the process; nil without an access log.
  let accessLog: CInt?
  let logTruncations: LogTruncations
  /// The memory in which workers gather its lines, and the recovery of lines that dead workers left there; nil without
  /// an access log.
  let accessLogMemory: AccessLogMemory?
  let recovery: AccessLogRecovery?
  let plugins: PluginSet
  let scoreboard: Scoreboard
  /// The descriptor of the shared store; nil without one.
  let store: CInt?
  var state: MasterState
  var channels: WorkerChannels
  /// Nil if no listener has TLS.
  var ticketKeys: TicketKeys?
  private var stallDetector: StallDetector
  private let supervisorID = Process.parentID

  /// Signals to the process group are handled by the supervisor. SIGPIPE and SIGXFSZ are reported as errors of writes.
  static let ignoredSignals = [SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU]

  /// Descriptors for logs and plugins.
  private static let otherDescriptors = 256

  private static let signalToken: UInt64 = 1
  private static let timerToken: UInt64 = 2
  private static let channelToken: UInt64 = 3
  static let firstWorkerToken: UInt64 = 0x100

  /// Takes the supervisor's listeners, binds new ones, switches to `server.user`, and loads the plugins.
  package static func prepare(
    _ configuration: Configuration, _ supervisor: SupervisorChannel
  ) throws(StartError) -> MasterProcess {
    let bootDeadline = Clock.monotonic() &+ configuration.settings.server.bootTimeout
    Signals.reset()
    Signals.discard(MasterProcess.ignoredSignals)
    let privileges = try Privileges(configuration)
    let user = privileges.serviceUser
    var handover = try supervisor.handshake(configuration, user: user)
    let parent = Process.parentID
    var listeners = try Listeners.open(configuration, &handover.listeners, supervisor, user: user)
    let tlsContexts = try ListenerTLSContexts.load(configuration, user: user)
    listeners.attach(tlsContexts)
    let keys = tlsContexts.isEmpty ? nil : handover.ticketKeys ?? TicketKeys(now: Clock.monotonic())
    var errorLog = try MasterProcess.openErrorLog(configuration, user)
    if let stream = handover.errorJournal.take() { errorLog = consume stream }
    var accessLog = try MasterProcess.openAccessLog(configuration, user)
    if let stream = handover.accessJournal.take() { accessLog = stream.release() }
    var plugins = PluginSet(configuration)
    let store = try WorkersStore(handover.store.take(), configuration.settings.store)
    let size = WorkerTableSize(configuration.settings.server, workerDelta: handover.workerDelta)
    let scoreboard = try MasterProcess.makeScoreboard(configuration, size, plugins)
    supervisor.sendScoreboard(scoreboard)
    supervisor.sendListenerSpecs(listeners.specs)
    supervisor.sendConfiguration(configuration.dump())
    // Everything that needs root is done, and everything that needs the supervisor's trust has been sent.
    var pending = try supervisor.seal()
    if let file = pending.errorLog.take() { errorLog = consume file }
    if let file = pending.accessLog.take() {
      if let accessLog { ConnectedSocket.close(accessLog) }
      accessLog = file.release()
    }
    try privileges.drop(ErrorLog.logger(role: "master", level: Logger.Level(configuration.settings.log.level)))
    // A change of user clears this setting. If the supervisor has died meanwhile, the channel reports it.
    _ = Process.bindToParent(parent, signal: SIGTERM)
    PluginMetrics.install(scoreboard.metricDefinitions)
    do throws(PluginSetError) {
      try plugins.load(in: .master, purpose: .serve) { supervisor.reportStep("loading plugin \($0)") }
    } catch {
      throw StartError(error)
    }
    supervisor.reportStep("starting workers")
    // Only now, because errors of the start belong on the terminal.
    if let errorLog { LogFile.makeErrorLog(errorLog, isJournal: configuration.settings.log.errorFile == nil) }
    do throws(Errno) {
      return try MasterProcess(
        configuration, supervisor, listeners, plugins, keys, accessLog, scoreboard, store.descriptor,
        size.changed(by: pending.workerDelta, configuration.settings.server),
        warnings: tlsContexts.warnings + [store.warning].compactMap { $0 },
        bootDeadline: bootDeadline)
    } catch {
      throw StartError("\(error)", .osError)
    }
  }

  private static func makeScoreboard(
    _ configuration: Configuration, _ size: WorkerTableSize, _ plugins: PluginSet
  ) throws(StartError) -> Scoreboard {
    do throws(Errno) {
      return try Scoreboard(
        ScoreboardLayout(
          slots: size.slots, plugins: plugins.names.count, threads: configuration.settings.server.threads,
          refusals: Refusal.allCases.count),
        names: plugins.names)
    } catch {
      throw StartError("\(error)", .osError)
    }
  }

  private init(
    _ configuration: Configuration, _ supervisor: SupervisorChannel, _ listeners: Listeners, _ plugins: PluginSet,
    _ keys: TicketKeys?, _ accessLog: CInt?, _ scoreboard: consuming Scoreboard, _ store: CInt?,
    _ size: WorkerTableSize,
    warnings: [String],
    bootDeadline: UInt64
  ) throws(Errno) {
    // Each worker has a channel of two descriptors. Workers raise the limit further, and warn if that fails.
    _ = DescriptorLimit.raise(to: 2 * size.slots + listeners.descriptors.count + MasterProcess.otherDescriptors)
    // After loading: this undoes changes of the signal mask by plugins.
    let signals = try SignalDescriptor([SIGTERM, SIGCHLD])
    let epoll = try Epoll(capacity: 64)
    let timer = try TimerDescriptor()
    let logTruncations = try LogTruncations()
    let memory = accessLog == nil ? nil : try AccessLogMemory(slots: size.slots)
    try epoll.add(signals.raw, .readable, token: MasterProcess.signalToken)
    try epoll.add(timer.raw, .readable, token: MasterProcess.timerToken)
    try epoll.add(supervisor.channel.raw, .readable, token: MasterProcess.channelToken)
    let server = configuration.settings.server
    self.scoreboard = scoreboard
    self.store = store
    let watchdog = WorkerWatchdog(limit: configuration.settings.timeouts.worker)
    state = MasterState(
      MasterState.Limits(
        bootTimeout: server.bootTimeout, gracefulTimeout: server.gracefulTimeout, memoryLimit: server.memoryLimit,
        pluginNames: plugins.names),
      workers: WorkerTable(count: size.count, slots: size.slots, backoff: server.restartBackoff),
      circuitBreaker: PluginCircuitBreaker(
        maxFails: configuration.settings.plugins.map(\.maxFails), backoff: server.restartBackoff),
      watchdog: watchdog, bootDeadline: bootDeadline)
    channels = WorkerChannels(slots: size.slots)
    self.configuration = configuration
    self.accessLog = accessLog
    self.logTruncations = logTruncations
    accessLogMemory = memory
    recovery = memory.map { AccessLogRecovery(configuration.settings.log.accessFormat, $0, logTruncations) }
    self.supervisor = supervisor
    self.listeners = listeners
    stallDetector = StallDetector(tolerance: watchdog.tolerance)
    self.plugins = plugins
    self.signals = signals
    self.epoll = epoll
    self.timer = timer
    level = Logger.Level(configuration.settings.log.level)
    log = ErrorLog.logger(role: "master", level: level)
    ticketKeys = keys
    keys?.install()
    if let keys { supervisor.sendTicketKeys(keys) }
    for warning in warnings { log.warning("\(warning)") }
  }

  /// Runs the generation until it ends.
  package consuming func run() -> ExitCode {
    handle(.begun)
    while !state.hasEnded {
      let deadline = min(
        state.nextDeadline(ticketKeysRotateAt: ticketKeysRotateAt), Clock.monotonic() &+ state.watchdog.interval)
      stallDetector.plan(deadline)
      timer.arm(deadline)
      let count = epoll.wait(milliseconds: -1)
      let stall = stallDetector.length(at: Clock.monotonic())
      if stall > 0 { handle(.stoodStill(stall)) }
      for index in 0..<count {
        switch epoll[index].token {
        case MasterProcess.signalToken: handleSignals()
        case MasterProcess.timerToken:
          timer.acknowledge()
          handle(.timerFired)
        case MasterProcess.channelToken: handleSupervisorMessages()
        case let token: handleWorkerMessages(Int(token - MasterProcess.firstWorkerToken))
        }
      }
      // The workers wait for the turn that postpones their end.
      let pause = stallDetector.lengthOfTurn(at: Clock.monotonic())
      if pause > 0 { handle(.stoodStill(pause)) }
      noteTurn()
    }
    if state.failureCode == .ok && !state.isSuperseded { for plugin in plugins.loaded { plugin.unload() } }
    let lost = plugins.loaded.filter { $0.isFileModified }
    if lost.isEmpty { return state.exitCode }
    for plugin in lost { log.warning("\(plugin.modifiedFileWarning)") }
    fflush(nil)
    Process.exit(state.exitCode)
  }

  private mutating func handleSignals() {
    while let signal = signals.next() {
      if signal.number == SIGTERM {
        handle(.terminated(supervisorIsGone: Process.parentID != supervisorID))
      } else {
        reap()
      }
    }
  }

  private mutating func handleSupervisorMessages() {
    while true {
      switch supervisor.channel.receive() {
      case .nothing: return
      case .malformed: break
      case .closed:
        epoll.remove(supervisor.channel.raw)
        return handle(.supervisorGone)
      case .message(let kind, let fields, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .drain: handle(.drainRequested(isSuperseded: fields.flag("superseded")))
        case .stop: handle(.stopRequested(isSuperseded: fields.flag("superseded")))
        case .log:
          if let descriptor, let name = LogName(fields) { replaceLog(name, descriptor) }
        case .scale: handle(.scaleRequested(by: fields.number("by") ?? 0))
        case .retire: if let pid: pid_t = fields.number("pid") { handle(.retireRequested(pid)) }
        default: break
        }
      }
    }
  }
}

extension Logger.Level {
  package init(_ level: LogLevel) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
