import Glibc
import Logging
import Platform

/// One generation of the server, as the supervisor sees it: a master and where it stands.
package struct Generation {
  package enum Stage: String, Sendable {
    /// Its master reads, binds, loads and forks.
    case starting
    /// Its workers are ready.
    case serving
    /// It finishes what it holds.
    case draining
    /// It was told to leave at once.
    case stopping
  }

  /// Why it was started.
  package enum Cause: String, Sendable { case start, reload, restart }

  /// What its master has said of its configuration, in nanoseconds; until then what a configuration has by default.
  package struct Settings: Sendable {
    package var bootTimeout = 30 * Clock.nanosecondsPerSecond
    package var gracefulTimeout = 30 * Clock.nanosecondsPerSecond
    package var restartBackoff = 100 * Clock.nanosecondsPerMillisecond
    /// How long a worker may be silent; 0 is no limit.
    package var workerTimeout = 30 * Clock.nanosecondsPerSecond
    /// How many workers are configured; nil if the master is of a version that does not tell.
    package var workers: Int?
    /// Nil for none.
    package var pidFile: String?
    package var logLevel = Logger.Level.info
    /// The path of a file, or the journal's name; nil for standard error.
    package var errorLog: String?
    /// Nil if it is no file.
    package var accessLog: String?
    /// The path of the control socket; nil for none.
    package var control: String?
    /// Where metrics are served; nil for nowhere.
    package var metrics: String?
    /// Who its processes become; nil for nobody else.
    package var user: ServiceUser?
  }

  /// Counts from 1 over the life of the service.
  package let number: Int
  package let master: pid_t
  package let cause: Cause
  /// Monotonic nanoseconds.
  package let startedAt: UInt64
  package internal(set) var stage = Stage.starting
  package internal(set) var settings: Settings
  /// What its master does, as long as it starts.
  package internal(set) var step = "starting"
  /// Its master has ended, and no process has its number any more.
  var hasEnded = false
  /// Its workers have been ready.
  var hasServed = false
  /// The supervisor has killed its master, and said so.
  var isKilled = false
  /// Why it can't start.
  var failure: String?
  /// The failure was on stderr before it came here.
  var failureIsTold = false
  /// What it means for the exit code, if that is not the master's own.
  var failureCode: ExitCode?
  /// So many workers it has room for.
  var mostWorkers = MasterLimits.workers
  /// The listeners that it serves.
  var claims: [ListenerClaim] = []
  /// When the next stage has to be reached, in monotonic nanoseconds.
  var deadline: UInt64
  /// Nil until it serves.
  package internal(set) var scoreboard: GenerationScoreboard?
  /// What becomes that.
  var nextScoreboard: GenerationScoreboard?
  /// What its master may say.
  var talk = MasterTalk()
  /// How often its master was stopped.
  var stops = MasterStops()
  /// As its master tells of them; none that has gone.
  package internal(set) var workers: [WorkerNotice] = []
  package internal(set) var plugins: [PluginNotice] = []
  /// How long that was.
  var noticeBytes = 0
  /// The effective configuration as TOML, as its master has read it.
  package internal(set) var configuration = ""
  /// Nil after the master has closed its end.
  var channel: Channel?

  init(
    number: Int, master: pid_t, cause: Cause, startedAt: UInt64, settings: Settings, channel: Channel
  ) {
    self.number = number
    self.master = master
    self.cause = cause
    self.startedAt = startedAt
    self.settings = settings
    self.settings.pidFile = nil
    self.settings.errorLog = nil
    self.settings.accessLog = nil
    self.settings.control = nil
    self.settings.metrics = nil
    self.settings.user = nil
    self.settings.workers = nil
    self.channel = channel
    deadline = startedAt &+ settings.bootTimeout &+ Generation.bootMargin
  }

  /// A master that finds its workers late says so itself, if it can.
  private static let bootMargin = Clock.nanosecondsPerSecond

  /// Takes a setting; those of later versions are ignored.
  mutating func take(setting text: String) {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")),
      let name = MasterSetting(rawValue: String(text[..<equals]))
    else { return }
    let value = text[text.utf8.index(after: equals)...]
    switch name {
    case .bootTimeout:
      settings.bootTimeout = Generation.span(value) ?? settings.bootTimeout
      deadline = startedAt &+ settings.bootTimeout &+ Generation.bootMargin
    case .gracefulTimeout: settings.gracefulTimeout = Generation.span(value) ?? settings.gracefulTimeout
    case .restartBackoff: settings.restartBackoff = Generation.span(value) ?? settings.restartBackoff
    case .workerTimeout: settings.workerTimeout = Generation.span(value) ?? settings.workerTimeout
    case .workers: settings.workers = Int(value).map { MasterLimits.workers(configured: $0, scale: 0) }
    // How many workers are wanted, operators say.
    case .scale: break
    case .pidFile: settings.pidFile = String(value)
    case .logLevel: settings.logLevel = Logger.Level(rawValue: String(value)) ?? settings.logLevel
    case .errorLog: settings.errorLog = String(value)
    case .accessLog: settings.accessLog = String(value)
    case .control: settings.control = String(value)
    case .metrics: settings.metrics = String(value)
    case .user: settings.user = ServiceUser(text: String(value))
    }
  }

  /// False if there can't be such a worker: there is no room for it.
  mutating func take(_ notice: WorkerNotice) -> Bool {
    let slots = (scoreboard ?? nextScoreboard)?.board.layout.slots ?? MasterLimits.slots
    guard notice.slot < min(slots, MasterLimits.slots) else { return false }
    workers.removeAll { $0.slot == notice.slot }
    if notice.state != .gone { workers.append(notice) }
    return true
  }

  /// What a service has beyond its configured number of workers when `scale` is wanted: as the master counts, which has at
  /// least one and as many as there is room for.
  func settled(scale: Int) -> Int {
    guard let configured = settings.workers else { return MasterLimits.clamped(scale: scale) }
    return min(max(1, configured + MasterLimits.clamped(scale: scale)), mostWorkers) - configured
  }

  /// Nanoseconds, of which a week is the most that anybody waits.
  private static func span(_ text: Substring) -> UInt64? {
    UInt64(text).map { min($0, 7 * 86_400 * Clock.nanosecondsPerSecond) }
  }
}
