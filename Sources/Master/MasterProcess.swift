import Configuration
import Glibc
import HTTP
import Logging
import Platform
import PluginHost
import TLS
import Workers

/// One generation of the server: binds, loads the plugins, forks workers, and replaces those that end.
///
/// Single-threaded for ever: its children are forks without exec.
package struct MasterProcess: ~Copyable {
  enum Stage {
    case starting, serving, draining, stopping

    var isEnding: Bool { self == .draining || self == .stopping }
  }

  let configuration: Configuration
  let log: Logger
  let level: Logger.Level
  let epoll: Epoll
  private let signals: SignalDescriptor
  private var timer: TimerDescriptor
  let line: SupervisorLine
  let listeners: Listeners
  /// The descriptor that workers begin with, for the life of the process; nil if there is no access log.
  let accessLog: CInt?
  let logCuts: LogCuts
  /// Where workers gather its lines, and what is made of those that they leave; nil if there is no access log.
  let accessLogMemory: AccessLogMemory?
  let recovery: AccessLogRecovery?
  let plugins: PluginSet
  let scoreboard: Scoreboard
  var crew: Crew
  var pauses: CrashPauses
  /// Nil if no listener has TLS.
  var ticketKeys: TicketKeys?
  var stage = Stage.starting
  /// When the workers are looked at next.
  var watchAt = UInt64.max
  /// Before that nobody's silence counts: this process has stood still.
  var judgesFrom: UInt64 = 0
  private var standstill: Standstill
  private var bootDeadline: UInt64
  private var killDeadline = UInt64.max
  private var exitCode = ExitCode.ok
  /// A worker has not come to its end as it should, while the generation finished what it held.
  var hasLostWorker = false
  /// Another generation goes on.
  private var isSuperseded = false

  /// What is sent to a group of processes is the supervisor's, and writes say what SIGPIPE and SIGXFSZ would.
  static let disregarded = [SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU]

  private static let signalToken: UInt64 = 1
  private static let timerToken: UInt64 = 2
  private static let channelToken: UInt64 = 3
  static let firstWorkerToken: UInt64 = 0x100

  /// Takes the supervisor's listeners, binds what is new, becomes `server.user`, and loads the plugins.
  package static func prepare(
    _ configuration: Configuration, _ line: SupervisorLine
  ) throws(StartFault) -> MasterProcess {
    let bootDeadline = Clock.monotonic() &+ configuration.settings.server.bootTimeout
    Signals.reset()
    Signals.disregard(MasterProcess.disregarded)
    let privileges = try Privileges(configuration)
    let user = privileges.serviceUser
    var inheritance = try line.introduce(configuration.settings, user: user)
    let parent = Process.parentID
    var listeners = try Listeners.open(configuration, &inheritance.sockets, line, user: user)
    let secure = try SecureListeners.load(configuration, user: user)
    listeners.secure(by: secure)
    let keys = secure.isEmpty ? nil : inheritance.ticketKeys ?? TicketKeys(now: Clock.monotonic())
    var errorLog = try MasterProcess.openErrorLog(configuration, user)
    if let stream = inheritance.errorJournal.take() { errorLog = consume stream }
    var accessLog = try MasterProcess.openAccessLog(configuration, user)
    if let stream = inheritance.accessJournal.take() { accessLog = stream.release() }
    var plugins = PluginSet(configuration)
    let size = CrewSize(configuration.settings.server, scale: inheritance.scale)
    let scoreboard = try MasterProcess.makeScoreboard(configuration, size, plugins)
    line.show(scoreboard)
    line.claim(listeners.claims)
    line.describe(configuration: configuration.dump())
    // What root alone can do is done, and all is said that the supervisor believes.
    var late = try line.seal()
    if let file = late.errorLog.take() { errorLog = consume file }
    if let file = late.accessLog.take() {
      if let accessLog { Connections.close(accessLog) }
      accessLog = file.release()
    }
    try privileges.drop(ErrorLog.logger(role: "master", level: Logger.Level(configuration.settings.log.level)))
    // Another identity has lost this; a supervisor that died meanwhile is noticed by its channel.
    _ = Process.bindToParent(parent, signal: SIGTERM)
    do throws(PluginFaults) {
      try plugins.load(in: .master, purpose: .serve) { line.step("loading plugin \($0)") }
    } catch {
      throw StartFault(error)
    }
    line.step("starting workers")
    // Not before: what is wrong with a start belongs on the terminal.
    if let errorLog { LogFile.makeErrorLog(errorLog, isJournal: configuration.settings.log.errorFile == nil) }
    do throws(Errno) {
      return try MasterProcess(
        configuration, line, listeners, plugins, keys, accessLog, scoreboard,
        size.changed(by: late.scale, configuration.settings.server), warnings: secure.warnings,
        bootDeadline: bootDeadline)
    } catch {
      throw StartFault("\(error)", .osError)
    }
  }

  private static func makeScoreboard(
    _ configuration: Configuration, _ size: CrewSize, _ plugins: PluginSet
  ) throws(StartFault) -> Scoreboard {
    do throws(Errno) {
      return try Scoreboard(
        ScoreboardLayout(
          slots: size.slots, plugins: plugins.names.count, threads: configuration.settings.server.threads,
          refusals: Refusal.allCases.count),
        names: plugins.names)
    } catch {
      throw StartFault("\(error)", .osError)
    }
  }

  private init(
    _ configuration: Configuration, _ line: SupervisorLine, _ listeners: Listeners, _ plugins: PluginSet,
    _ keys: TicketKeys?, _ accessLog: CInt?, _ scoreboard: consuming Scoreboard, _ size: CrewSize, warnings: [String],
    bootDeadline: UInt64
  ) throws(Errno) {
    // After load: whatever a plugin did to the signal mask is undone here.
    let signals = try SignalDescriptor([SIGTERM, SIGCHLD])
    let epoll = try Epoll(capacity: 64)
    let timer = try TimerDescriptor()
    let logCuts = try LogCuts()
    let memory = accessLog == nil ? nil : try AccessLogMemory(slots: size.slots)
    try epoll.add(signals.raw, .readable, token: MasterProcess.signalToken)
    try epoll.add(timer.raw, .readable, token: MasterProcess.timerToken)
    try epoll.add(line.channel.raw, .readable, token: MasterProcess.channelToken)
    let server = configuration.settings.server
    self.scoreboard = scoreboard
    crew = Crew(count: size.count, slots: size.slots, backoff: server.restartBackoff)
    pauses = CrashPauses(limits: configuration.settings.plugins.map(\.maxFails), backoff: server.restartBackoff)
    self.configuration = configuration
    self.accessLog = accessLog
    self.logCuts = logCuts
    accessLogMemory = memory
    recovery = memory.map { AccessLogRecovery(configuration.settings.log.accessFormat, $0, logCuts) }
    self.line = line
    self.listeners = listeners
    self.bootDeadline = bootDeadline
    standstill = Standstill(tolerance: MasterProcess.tolerance(configuration.settings))
    self.plugins = plugins
    self.signals = signals
    self.epoll = epoll
    self.timer = timer
    level = Logger.Level(configuration.settings.log.level)
    log = ErrorLog.logger(role: "master", level: level)
    ticketKeys = keys
    keys?.install()
    if let keys { line.keep(keys) }
    for warning in warnings { log.warning("\(warning)") }
  }

  /// Runs the generation to its end.
  package consuming func run() -> ExitCode {
    line.scaled(crew.count - configuredWorkers)
    for place in 0..<crew.count { start(place) }
    while !(stage.isEnding && crew.isGone) {
      let moment = min(nextMoment, Clock.monotonic() &+ interval)
      standstill.plan(moment)
      timer.arm(moment)
      let count = epoll.wait(milliseconds: -1)
      heedStandstill()
      for index in 0..<count {
        switch epoll[index].token {
        case MasterProcess.signalToken: heedSignals()
        case MasterProcess.timerToken:
          timer.acknowledge()
          momentHasCome()
        case MasterProcess.channelToken: heedSupervisor()
        case let token: heedWorker(Int(token - MasterProcess.firstWorkerToken))
        }
      }
    }
    if exitCode == .ok && !isSuperseded { for plugin in plugins.loaded { plugin.unload() } }
    // Whoever took over has nothing to do with that.
    return exitCode == .ok && hasLostWorker && !isSuperseded ? .software : exitCode
  }

  /// The first workers are ready.
  mutating func announce() {
    stage = .serving
    watchAt = Clock.monotonic()
    let settings = configuration.settings
    for fd in listeners.descriptors {
      ListeningSocket.deferAccept(fd, settings.server.workerModel == .sync)
      ListeningSocket.keepAlive(fd, settings)
    }
    let names = plugins.names.joined(separator: ", ")
    let places = listeners.sockets.map(\.place).joined(separator: ", ")
    line.describe(plugins.notices)
    line.ready()
    // From here on the supervisor makes good for a master that ends: nobody is told before that.
    log.info(
      "serving \(names) on \(places): worker model \(settings.server.workerModel.rawValue), \(crew.count) worker(s)")
  }

  private mutating func heedSignals() {
    while let signal = signals.next() {
      if signal != SIGTERM {
        reap()
      } else if !stage.isEnding {
        line.leaving()
        drain()
      }
    }
  }

  /// The generation can't start; `reason` is in the log, and nil if the supervisor knows it.
  mutating func fail(_ code: ExitCode, _ reason: String?) {
    guard !stage.isEnding else { return }
    if let reason { line.failed(reason) }
    exitCode = code
    stop()
  }

  // MARK: The supervisor's word and time

  private mutating func heedSupervisor() {
    while true {
      switch line.channel.receive() {
      case .nothing: return
      case .malformed: break
      case .closed:
        epoll.remove(line.channel.raw)
        crew.tellAll(.orphaned)
        drain()
        return
      case .message(let kind, let text, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .drain:
          isSuperseded = isSuperseded || !text.isEmpty
          drain()
        case .stop:
          isSuperseded = isSuperseded || !text.isEmpty
          stop()
        case .log: if let descriptor { reopen(LogName(rawValue: String(decoding: text, as: UTF8.self)), descriptor) }
        case .scale: scale(by: Int(String(decoding: text, as: UTF8.self)) ?? 0)
        case .retire: retire(String(decoding: text, as: UTF8.self))
        default: break
        }
      }
    }
  }

  private mutating func drain() {
    guard !stage.isEnding else { return }
    stage = .draining
    killDeadline =
      Clock.monotonic() &+ configuration.settings.server.gracefulTimeout &+ Clock.nanosecondsPerSecond
    limitLives(to: Clock.monotonic() &+ configuration.settings.server.gracefulTimeout)
    crew.tellAll(.drain)
    // The workers have copies of their own; with the last of them new clients are refused.
    for socket in listeners.sockets { Connections.close(socket.fd) }
  }

  private mutating func stop() {
    guard stage != .stopping else { return }
    stage = .stopping
    // Enough for plugins to be told; a handler that blocks does not count.
    killDeadline = Clock.monotonic() &+ 300 * Clock.nanosecondsPerMillisecond
    limitLives(to: Clock.monotonic())
    crew.tellAll(.stop)
  }

  /// By then the workers have to be gone, if nothing was said before: one within a handler hears no message.
  private func limitLives(to moment: UInt64) {
    for slot in crew.slots {
      let board = scoreboard.slot(slot)
      board.leaveBy = board.leaveBy == 0 ? moment : min(board.leaveBy, moment)
    }
  }

  /// Late is whoever had the time: what was due while this process stood still is due so much later.
  private mutating func heedStandstill() {
    let now = Clock.monotonic()
    let length = standstill.length(at: now)
    guard length > 0 else { return }
    // It may have begun just after the last look.
    let span = length &+ interval
    judgesFrom = now
    // Or while a plugin was loaded, when nobody looks.
    bootDeadline = max(bootDeadline.postponed(by: span), now &+ configuration.settings.server.bootTimeout)
    // The supervisor, who has deadlines of its own for this process, finds no shorter ones.
    guard length >= Clock.nanosecondsPerSecond else { return }
    killDeadline = killDeadline.postponed(by: span)
    crew.postponeDeadlines(by: span)
    log.warning(
      "stood still for \(length / Clock.nanosecondsPerMillisecond) ms: the silence of workers counts from now on")
  }

  private var nextMoment: UInt64 {
    let next =
      switch stage {
      case .starting: min(bootDeadline, crew.nextStart)
      case .serving: min(crew.nextStart, watchAt, ticketKeysRotateAt)
      case .draining, .stopping: killDeadline
      }
    return min(next, crew.nextKill)
  }

  private mutating func momentHasCome() {
    let now = Clock.monotonic()
    killOverdue(now)
    switch stage {
    case .starting where now >= bootDeadline:
      let reason = "workers are not ready within boot_timeout"
      log.critical("\(reason)")
      fail(.software, reason)
    case .serving:
      while let place = crew.nextDue(at: now) {
        if crew.wantsRelief(place) { crew.endPostponement(place) } else { start(place) }
      }
      relieveNext()
      if now >= watchAt { watch(now) }
      rotateTicketKeys(now)
    case .draining, .stopping:
      guard now >= killDeadline else { return }
      killDeadline = .max
      killAll()
    // One that was ready already may have served, and died of it.
    case .starting: while let place = crew.nextDue(at: now) { start(place) }
    }
  }
}

extension WorkerProcess.Socket {
  /// Where a client finds it.
  fileprivate var place: String {
    let scheme = tls == nil ? "http" : "https"
    return switch address {
    case .ipv4: "\(scheme)://\(address.host):\(address.port)"
    case .ipv6: "\(scheme)://[\(address.host)]:\(address.port)"
    case .unix(let path): tls == nil ? "unix:\(path)" : "unix:\(path) with TLS"
    }
  }
}

extension Logger.Level {
  package init(_ level: LogLevel) { self = Logger.Level(rawValue: level.rawValue) ?? .info }
}
