import Glibc
import Logging
import Platform

/// The process that systemd, a container or an operator starts. It starts masters, keeps the listening sockets and
/// handles signals. It is deliberately small: it serves no request, loads no plugin and reads no configuration; masters
/// send what it needs to know of that.
///
/// It has one thread with one epoll loop. Only the loop waits.
package struct Supervisor: ~Copyable {
  let launcher: MasterLauncher
  var log: Logger
  let epoll: Epoll
  private let signals: SignalDescriptor
  private var timer: TimerDescriptor
  private let terminal: Terminal
  var state = ServiceState()
  var store = ListenerStore()
  /// The store that workers share; nil until a master needs one.
  var sharedStore: KeptStore?
  /// The path of the supervisor's log, or `journal`; nil for the standard error that it was started with.
  var errorLog: String?
  var pidFile: PidFile?
  /// The pid file of the starting generation, if it has another path.
  var nextPidFile: PidFile?
  /// The metrics listener; nil without one.
  var metrics: AdminListener?
  /// The metrics listener of the starting generation, if it has another address.
  var nextMetrics: AdminListener?
  /// The control socket; nil without one.
  var control: AdminListener?
  var adminConnections = AdminConnections()
  /// Nil if no generation has anything watched.
  var watch: SourceWatch?
  /// When the service manager's watchdog is notified next; `.max` without one.
  private var watchdogAt: UInt64
  private let watchdogInterval: UInt64
  /// Silence of workers before this time does not count, because this process was at a standstill.
  private var silenceCountsFrom: UInt64 = 0
  /// Some ended children have not been reaped yet.
  private var hasMoreToReap = false
  private var stallDetector = StallDetector(tolerance: Clock.nanosecondsPerSecond)
  /// The check of the program that will replace this one.
  var probe: Probe?
  /// The result of the check, until it is handled.
  private var probeExitStatus: Process.ExitStatus?
  /// Why the last replacement failed, until its clients have been told.
  var replacementFailure: String?

  /// - Parameters:
  ///   - executable: the program file, which each master executes.
  ///   - arguments: the command line, program name included.
  ///   - isSuccessor: whether this program has replaced another supervisor in this process; signals may be pending.
  ///   - standardError: the standard error of the first program; nil for the current one.
  package init(
    executable: String, arguments: [String], isSuccessor: Bool = false,
    standardError: consuming FileDescriptor? = nil
  ) throws(Errno) {
    launcher = MasterLauncher(path: executable, arguments: arguments, standardError: standardError)
    Process.becomeSubreaper()
    // Masters keep the original one.
    LogFile.separateErrorLog()
    // A parent may have set SIGCHLD to be ignored, which would hide the end of children.
    if !isSuccessor { Signals.useDefaults() }
    log = ErrorLog.logger(role: "supervisor", level: .info)
    // For the channels to masters, the listeners and the admin connections.
    _ = DescriptorLimit.raise(to: Supervisor.maxDescriptors)
    // Without root, the next master needs these capabilities to bind and to read certificates.
    if !Account.isRoot { try Capabilities.renounce(keeping: Capabilities.bindService | Capabilities.readSearch) }
    let signals = try SignalDescriptor(
      [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGCHLD])
    Signals.ignore([SIGPIPE, SIGXFSZ])
    let epoll = try Epoll(capacity: 16)
    let timer = try TimerDescriptor()
    watchdogInterval = ServiceNotification.watchdogInterval ?? 0
    watchdogAt = watchdogInterval == 0 ? .max : Clock.monotonic()
    terminal = Terminal()
    self.signals = signals
    self.epoll = epoll
    self.timer = timer
  }

  private static let maxDescriptors = 1024

  private static let signalToken: UInt64 = 1
  private static let timerToken: UInt64 = 2
  static let metricsToken: UInt64 = 3
  static let controlToken: UInt64 = 4
  static let watchToken: UInt64 = 5
  /// The token of a generation's channel is this plus its number.
  static let firstChannelToken: UInt64 = 1 << 32
  /// The token of an admin connection is this plus its number.
  static let firstAdminConnectionToken: UInt64 = 1 << 48

  /// Runs until the service ends, or the first generation fails.
  package consuming func run() throws(Errno) -> ExitCode {
    ProcessTitle.set("supervisor")
    try epoll.add(signals.raw, .readable, token: Supervisor.signalToken)
    try epoll.add(timer.raw, .readable, token: Supervisor.timerToken)
    reap()
    if state.generationCount == 0 {
      takeInheritedSockets()
      if state.exitCode == nil { handle(.begun) }
    }
    while true {
      if let exitCode = state.exitCode {
        store.removeAll()
        discardPidFile()
        removePidFile()
        removeAdminListenerFiles()
        return exitCode
      }
      let deadline = nextDeadline
      stallDetector.plan(deadline)
      timer.arm(deadline)
      let count = epoll.wait(milliseconds: hasMoreToReap ? 0 : -1)
      handleStandstill(of: stallDetector.length(at: Clock.monotonic()))
      if hasMoreToReap { reap() }
      for index in 0..<count {
        switch epoll[index].token {
        case Supervisor.signalToken: handleSignals()
        case Supervisor.timerToken:
          timer.acknowledge()
          timerFired()
        case Supervisor.metricsToken: accept(.metrics)
        case Supervisor.controlToken: accept(.control)
        case Supervisor.watchToken: readChanges()
        case let token where token >= Supervisor.firstAdminConnectionToken:
          handleAdminEvent(token - Supervisor.firstAdminConnectionToken)
        case let token: readChannel(of: Int(token &- Supervisor.firstChannelToken))
        }
      }
      respondToWaiting()
      handleStandstill(of: stallDetector.lengthOfTurn(at: Clock.monotonic()))
    }
  }

  private mutating func takeInheritedSockets() {
    do throws(InheritedSocketError) {
      for socket in try InheritedSockets.take() { store.add(socket) }
    } catch {
      log.critical("\(error.description)")
      state.exitCode = .configuration
    }
  }

  private mutating func handleSignals() {
    // The rest causes another event, since children may end all the time.
    for _ in 0..<Supervisor.maxSignalsPerTurn {
      guard let signal = signals.next() else { break }
      // Children that have ended by now are reaped before the signal is handled.
      reap()
      if signal.number == SIGHUP, terminal.hasHungUp(signal) {
        handleTerminalHangUp()
      } else if signal.number != SIGCHLD {
        handle(signal.number)
      }
    }
    // Last, because it may replace this program, and signals that were read would be lost.
    if let exitStatus = probeExitStatus.take() { probeEnded(exitStatus) }
  }

  /// Limits for one turn: plugins may leave any number of processes behind, which become children of this process.
  private static let maxReapedPerTurn = 256
  private static let maxSignalsPerTurn = 16

  private mutating func reap() {
    hasMoreToReap = false
    var count = 0
    while let (pid, change) = Process.nextChange() {
      let index = state.generations.firstIndex { $0.master == pid && !$0.hasEnded }
      switch change {
      case .ended(let exitStatus):
        if let index {
          masterEnded(index, exitStatus)
        } else if pid == probe?.pid {
          probeExitStatus = exitStatus
        } else {
          orphanEnded(pid, exitStatus)
        }
      case .stopped(let signal): if let index { handle(.masterStopped(state.generations[index].number, by: signal)) }
      }
      count += 1
      if count == Supervisor.maxReapedPerTurn {
        hasMoreToReap = true
        return
      }
    }
  }

  // MARK: Time

  /// While there is a deadline, this process wakes up often enough to notice a standstill before the deadline.
  private static let longestSleep = Clock.nanosecondsPerSecond

  private var nextDeadline: UInt64 {
    let deadline = min(probe?.deadline ?? .max, state.nextTimeout)
    let check = deadline == .max ? .max : Clock.monotonic() &+ Supervisor.longestSleep
    return min(
      state.nextDeadline, watchdogAt, adminConnections.nextDeadline, deadline, check, watch?.nextDeadline ?? .max)
  }

  /// Postpones all deadlines by the length of a standstill.
  private mutating func handleStandstill(of length: UInt64) {
    guard length > 0 else { return }
    // The standstill may have begun just after the last check.
    let span = length &+ Supervisor.longestSleep
    silenceCountsFrom = Clock.monotonic()
    handle(.stoodStill(span))
    if let probe { probe.deadline = probe.deadline.postponed(by: span) }
    log.warning(
      "stood still for \(length / Clock.nanosecondsPerMillisecond) ms: the deadlines of masters are postponed by as much"
    )
  }

  private mutating func timerFired() {
    let now = Clock.monotonic()
    handle(.timerFired)
    if watchdogAt <= now {
      // Retried soon while no worker responds, since one may respond in time.
      watchdogAt = now &+ (isAlive ? watchdogInterval : watchdogInterval / 4)
      if isAlive { ServiceNotification.watchdog.send() }
    }
    closeExpiredConnections(now)
    reloadAfterChanges(now)
    if let probe, probe.deadline <= now {
      probe.deadline = .max
      probe.isLate = true
      Process.send(SIGKILL, to: probe.pid)
    }
  }

  private var isAlive: Bool {
    state.isAlive { generation in
      // The scoreboard of an earlier version can't be read: the generation counts as alive.
      guard let scoreboard = generation.scoreboard else { return generation.stage.isAccepting }
      // Without a master, the slots of ended workers are not marked as absent.
      return scoreboard.hasFreshWorker(
        in: generation.hasEnded ? generation.workers.map(\.slot) : nil, limit: generation.settings.workerTimeout,
        since: silenceCountsFrom)
    }
  }
}
