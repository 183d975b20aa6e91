import Glibc
import Logging
import Platform

/// The process that systemd, a container or an operator knows: starts masters, keeps the listening sockets, heeds
/// signals. Small and dull on purpose: it touches no client's request, loads no plugin and reads no configuration.
package struct Supervisor: ~Copyable {
  /// How a master learns of its line to the supervisor.
  package static let channelVariable = "OUTRIDER_CHANNEL"

  /// Where a generation of the server stands.
  private enum Stage { case starting, serving, waiting, draining, stopping }

  private let executable: String
  private let arguments: [String]
  private let log: Logger
  private let epoll: Epoll
  private let signals: SignalDescriptor
  private var timer: TimerDescriptor
  private var channel: Channel?
  private var master: pid_t = 0
  private var masterStarted: UInt64 = 0
  private var stage = Stage.starting
  private var hasServed = false
  private var backoff = Backoff(first: 100 * Clock.nanosecondsPerMillisecond)
  /// What the timer is for: a master is started again, or killed.
  private var moment = UInt64.max
  private var gracefulTimeout: UInt64 = 30 * Clock.nanosecondsPerSecond
  private var store = ListenerStore()

  /// - Parameters:
  ///   - executable: the program file, which each master runs anew.
  ///   - arguments: the command line, program name included.
  package init(executable: String, arguments: [String]) throws(Errno) {
    self.executable = executable
    self.arguments = arguments
    log = ErrorLog.logger(role: "supervisor", level: .info)
    let signals = try SignalDescriptor(
      [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGCHLD])
    Signals.ignore([SIGPIPE])
    let epoll = try Epoll(capacity: 8)
    let timer = try TimerDescriptor()
    self.signals = signals
    self.epoll = epoll
    self.timer = timer
  }

  private static let signalToken: UInt64 = 1
  private static let timerToken: UInt64 = 2
  private static let channelToken: UInt64 = 3

  /// Supervises until told to stop, or until the first generation fails.
  package consuming func run() throws(Errno) -> ExitCode {
    try epoll.add(signals.raw, .readable, token: Supervisor.signalToken)
    try epoll.add(timer.raw, .readable, token: Supervisor.timerToken)
    try startMaster()
    while true {
      timer.arm(moment)
      let count = epoll.wait(milliseconds: -1)
      for index in 0..<count {
        switch epoll[index].token {
        case Supervisor.signalToken:
          while let signal = signals.next() {
            if signal == SIGCHLD {
              if let code = try reap() { return code }
            } else {
              heed(signal)
            }
          }
        case Supervisor.timerToken:
          timer.acknowledge()
          try momentHasCome()
        default: readChannel()
        }
      }
    }
  }

  // MARK: Masters

  private mutating func startMaster() throws(Errno) {
    var pair = try Channel.pair()
    let own = Process.id
    let line = Channel(owning: pair.takeMine())
    let theirs = pair.takeTheirs()
    switch try Process.fork() {
    case .child: Supervisor.becomeMaster(theirs.raw, parent: own, executable, arguments)
    case .parent(let child): master = child
    }
    masterStarted = Clock.monotonic()
    stage = .starting
    moment = .max
    try epoll.add(line.raw, .readable, token: Supervisor.channelToken)
    store.sendAll(over: line)
    line.send(kind: MasterMessage.begin.rawValue)
    channel = line
  }

  /// In the child: nothing of the supervisor's but the channel survives.
  private static func becomeMaster(
    _ channel: CInt, parent: pid_t, _ executable: String, _ arguments: [String]
  ) -> Never {
    Signals.reset()
    Process.closeDescriptors(except: [channel])
    Process.keepAcrossExec(channel)
    Process.setEnvironment(channelVariable, "\(channel)")
    for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"] { Process.setEnvironment(name, nil) }
    guard Process.bindToParent(parent, signal: SIGTERM) else { Process.leave(.osError) }
    do throws(Errno) {
      try Process.execute(executable, arguments: arguments)
    } catch {
      ErrorLog.logger(role: "supervisor", level: .info).critical("\(error)")
      Process.leave(.osError)
    }
  }

  private mutating func readChannel() {
    while let line = channel {
      switch line.receive() {
      case .nothing: return
      case .closed:
        // The child's end follows as SIGCHLD.
        epoll.remove(line.raw)
        channel = nil
        return
      case .message(let kind, let text, let descriptor): take(MasterMessage(rawValue: kind), text, descriptor)
      }
    }
  }

  private mutating func take(_ kind: MasterMessage?, _ text: [UInt8], _ descriptor: consuming FileDescriptor?) {
    switch kind {
    case .listener:
      if let descriptor { store.keep(descriptor, name: String(decoding: text, as: UTF8.self)) }
    case .ready:
      if let timeout = UInt64(String(decoding: text, as: UTF8.self)) { gracefulTimeout = timeout }
      hasServed = true
      if stage == .starting { stage = .serving }
    case .begin, .drain, .stop, nil: break
    }
  }

  /// Buries the dead; the exit code if the supervisor is done.
  private mutating func reap() throws(Errno) -> ExitCode? {
    while let (pid, ending) = Process.reap() {
      guard pid == master else { continue }
      master = 0
      if let line = channel { epoll.remove(line.raw) }
      channel = nil
      switch stage {
      case .draining, .stopping: return .ok
      case .starting where !hasServed:
        if case .exited(let code) = ending { return ExitCode(rawValue: code) ?? .software }
        log.critical("master \(pid) \(ending) while starting")
        return .software
      case .starting, .serving, .waiting:
        let delay = backoff.delay(lifetime: Clock.monotonic() &- masterStarted)
        log.error("master \(pid) \(ending); starting another in \(delay / Clock.nanosecondsPerMillisecond) ms")
        stage = .waiting
        moment = Clock.monotonic() &+ delay
      }
    }
    return nil
  }

  // MARK: Signals and time

  private mutating func heed(_ signal: CInt) {
    switch signal {
    case SIGTERM where stage != .draining && stage != .stopping: drain()
    case SIGTERM, SIGINT, SIGQUIT: stop()
    default: log.warning("\(Signals.name(signal)) has no effect in this version")
    }
  }

  private mutating func drain() {
    log.info("stopping: requests in flight have \(gracefulTimeout / Clock.nanosecondsPerSecond) s to finish")
    store = ListenerStore()
    tell(.drain, then: .draining, within: gracefulTimeout &+ 2 * Clock.nanosecondsPerSecond)
  }

  private mutating func stop() {
    guard stage != .stopping else { return }
    log.info("stopping now")
    tell(.stop, then: .stopping, within: 2 * Clock.nanosecondsPerSecond)
  }

  private mutating func tell(_ message: MasterMessage, then next: Stage, within: UInt64) {
    stage = next
    moment = Clock.monotonic() &+ within
    if channel?.send(kind: message.rawValue) != true { moment = 0 }
  }

  private mutating func momentHasCome() throws(Errno) {
    guard Clock.monotonic() >= moment else { return }
    moment = .max
    if stage == .waiting {
      do throws(Errno) {
        try startMaster()
      } catch {
        let delay = backoff.delay(lifetime: 0)
        log.error("\(error); trying again in \(delay / Clock.nanosecondsPerMillisecond) ms")
        stage = .waiting
        moment = Clock.monotonic() &+ delay
      }
    } else if master != 0 {
      log.warning("master \(master) did not end in time: killed")
      Process.send(SIGKILL, to: master)
    } else {
      // Between masters there is nobody to wait for.
      Process.leave(.ok)
    }
  }
}
