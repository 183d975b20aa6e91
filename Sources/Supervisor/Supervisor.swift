import Glibc
import Logging
import Platform

/// The process that systemd, a container or an operator knows: starts masters, keeps the listening sockets, heeds
/// signals. Small and dull on purpose: it touches no client's request, loads no plugin and reads no configuration; what
/// it needs of that, a master tells it.
///
/// One thread, one loop: every change has an event, and nothing here waits for anything but the loop itself.
package struct Supervisor: ~Copyable {
  /// What the supervisor is to bring about.
  enum Aim {
    case serve
    /// All generations finish what they hold; then the end.
    case drain
    /// All leave at once; then the end.
    case stop
  }

  let program: MasterProgram
  var log: Logger
  let epoll: Epoll
  private let signals: SignalDescriptor
  private var timer: TimerDescriptor
  var aim = Aim.serve
  var state = ServiceState()
  var store = ListenerStore()
  /// The file that the supervisor logs to, or the journal's name; nil is the standard error that it was started with.
  var errorLog: String?
  var pidFile: PidFile?
  /// That of the generation that starts, if it is to have another.
  var nextPidFile: PidFile?
  /// Where metrics are served; nil for nowhere.
  var metrics: Door?
  /// That of the generation that starts, if it is to have another.
  var nextMetrics: Door?
  /// Where the supervisor takes orders; nil for nowhere.
  var control: Door?
  var visitors = Visitors()
  var backoff = Backoff(first: Generation.Settings().restartBackoff)
  /// When a master that has ended is started again; `.max` when none is to be.
  var restartAt = UInt64.max
  /// A reload that was asked for while another ran.
  var reloadIsWanted = false
  /// When the watchdog of the service manager is to hear of this process; `.max` without one.
  private var watchdogAt: UInt64
  private let watchdogInterval: UInt64
  /// Before that nobody's silence counts: this process has stood still.
  private var judgesFrom: UInt64 = 0
  private var standstill = Standstill(tolerance: Clock.nanosecondsPerSecond)
  /// A try of the program that is to replace the supervisor's own.
  var probe: Probe?
  /// How it has ended, until that is looked at.
  private var probeEnding: Process.Ending?
  /// That try was asked for while a generation started.
  var replacementIsWanted = false
  /// What the end is to be, as far as it is known.
  var outcome = ExitCode.ok
  /// Set at the end.
  var exitCode: ExitCode?

  /// - Parameters:
  ///   - executable: the program file, which each master runs anew.
  ///   - arguments: the command line, program name included.
  ///   - isSuccessor: of another supervisor in this process, whose signals may wait.
  ///   - standardError: as it was at the very start; nil is the present one.
  package init(
    executable: String, arguments: [String], isSuccessor: Bool = false,
    standardError: consuming FileDescriptor? = nil
  ) throws(Errno) {
    program = MasterProgram(path: executable, arguments: arguments, standardError: standardError)
    // Masters have the one that there was.
    LogFile.separateErrorLog()
    // Whoever ignores SIGCHLD never hears of a child's end, and not all who start this process are careful.
    if !isSuccessor { Signals.useDefaults() }
    log = ErrorLog.logger(role: "supervisor", level: .info)
    // Whoever is not root keeps what the next master binds and reads its certificates with, if it has that.
    if !Account.isRoot { try Capabilities.renounce(keeping: Capabilities.bindService | Capabilities.readSearch) }
    let signals = try SignalDescriptor(
      [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGCHLD])
    Signals.ignore([SIGPIPE, SIGXFSZ])
    let epoll = try Epoll(capacity: 16)
    let timer = try TimerDescriptor()
    watchdogInterval = ServiceNotification.watchdogInterval ?? 0
    watchdogAt = watchdogInterval == 0 ? .max : Clock.monotonic()
    self.signals = signals
    self.epoll = epoll
    self.timer = timer
  }

  private static let signalToken: UInt64 = 1
  private static let timerToken: UInt64 = 2
  static let metricsToken: UInt64 = 3
  static let controlToken: UInt64 = 4
  /// A generation's channel has this and its number.
  static let firstChannelToken: UInt64 = 1 << 32
  /// A visitor has this and its number.
  static let firstVisitorToken: UInt64 = 1 << 48

  /// Supervises until told to stop, or until the first generation fails.
  package consuming func run() throws(Errno) -> ExitCode {
    try epoll.add(signals.raw, .readable, token: Supervisor.signalToken)
    try epoll.add(timer.raw, .readable, token: Supervisor.timerToken)
    reap()
    if state.generationCount == 0 {
      takeInheritedSockets()
      if exitCode == nil { start(.start) }
    }
    while true {
      if let exitCode {
        store.removeAll()
        discardPidFile()
        removePidFile()
        closeDoors()
        return exitCode
      }
      let moment = nextMoment
      standstill.plan(moment)
      timer.arm(moment)
      let count = epoll.wait(milliseconds: -1)
      heedStandstill()
      for index in 0..<count {
        switch epoll[index].token {
        case Supervisor.signalToken: heedSignals()
        case Supervisor.timerToken:
          timer.acknowledge()
          momentHasCome()
        case Supervisor.metricsToken: admit(.metrics)
        case Supervisor.controlToken: admit(.control)
        case let token where token >= Supervisor.firstVisitorToken: heedVisitor(token - Supervisor.firstVisitorToken)
        case let token: readChannel(of: Int(token &- Supervisor.firstChannelToken))
        }
      }
      answerReloads()
    }
  }

  private mutating func takeInheritedSockets() {
    do throws(InheritedSockets.Fault) {
      for socket in try InheritedSockets.take() { store.add(socket) }
    } catch {
      log.critical("\(error.description)")
      exitCode = .configuration
    }
  }

  private mutating func heedSignals() {
    while let signal = signals.next() {
      // Who has ended by now has not ended because of what follows.
      reap()
      if signal != SIGCHLD { heed(signal) }
    }
    // At last: it may replace this program, and a signal that was taken would be lost.
    if let ending = probeEnding.take() { probeEnded(ending) }
  }

  private mutating func reap() {
    while let (pid, change) = Process.nextChange() {
      // Whoever has left children behind may have left them to this process.
      let index = state.generations.firstIndex { $0.master == pid }
      switch change {
      case .ended(let ending):
        if let index {
          ended(index, ending)
        } else if pid == probe?.pid {
          probeEnding = ending
        }
      case .stopped(let signal): if let index { wasStopped(index, by: signal) }
      }
    }
  }

  // MARK: Time

  /// As long as somebody has a deadline, this process looks often enough to find that it has stood still before that.
  private static let longestSleep = Clock.nanosecondsPerSecond

  private var nextMoment: UInt64 {
    let deadline = state.generations.reduce(probe?.deadline ?? .max) { min($0, $1.deadline) }
    let look = deadline == .max ? .max : Clock.monotonic() &+ Supervisor.longestSleep
    return min(restartAt, watchdogAt, visitors.nextDeadline, deadline, look)
  }

  /// Late is whoever had the time: what was due while this process stood still is due so much later.
  private mutating func heedStandstill() {
    let now = Clock.monotonic()
    let length = standstill.length(at: now)
    guard length > 0 else { return }
    // It may have begun just after the last look.
    let span = length &+ Supervisor.longestSleep
    judgesFrom = now
    for index in state.generations.indices {
      state.generations[index].deadline = state.generations[index].deadline.postponed(by: span)
    }
    if let probe { probe.deadline = probe.deadline.postponed(by: span) }
    log.warning(
      "stood still for \(length / Clock.nanosecondsPerMillisecond) ms: the deadlines of masters are later by that")
  }

  private mutating func momentHasCome() {
    let now = Clock.monotonic()
    for index in state.generations.indices where state.generations[index].deadline <= now { isLate(index) }
    if restartAt <= now { start(.restart) }
    if watchdogAt <= now {
      // Soon again if there is no good news: there may be in time.
      watchdogAt = now &+ (isAlive ? watchdogInterval : watchdogInterval / 4)
      if isAlive { ServiceNotification.watchdog() }
    }
    dismissLateVisitors(now)
    if let probe, probe.deadline <= now {
      probe.deadline = .max
      probe.isLate = true
      Process.send(SIGKILL, to: probe.pid)
    }
  }

  /// Whether anybody could answer a request. While the service starts, or ends, that is not asked.
  private var isAlive: Bool {
    guard aim == .serve, state.generationCount > 1 || state.serving != nil else { return true }
    return state.generations.contains { generation in
      // One of an earlier program, whose scoreboard can't be read safely, is believed to be well.
      guard let scoreboard = generation.scoreboard else { return generation.stage == .serving }
      return scoreboard.hasFreshWorker(limit: generation.settings.workerTimeout, since: judgesFrom)
    }
  }
}
