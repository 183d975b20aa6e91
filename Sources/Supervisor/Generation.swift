import Glibc
import IPC
import Logging
import Platform

/// One generation of the server as the supervisor sees it: a master and its stage.
package struct Generation {
  package enum Stage: String, Sendable {
    /// Its master reads the configuration, binds, loads plugins and spawns workers.
    case starting
    /// Its workers are ready.
    case serving
    /// Another process has told its master to exit: it serves until another generation does.
    case leaving
    /// Its master has died, and its workers serve until another generation does.
    case orphaned
    /// It finishes its requests.
    case draining
    /// It was told to exit at once.
    case stopping

    /// Whether it accepts connections, under a master.
    var isServing: Bool { self == .serving || self == .leaving }
    /// Whether it accepts connections, with or without a master.
    var isAccepting: Bool { isServing || self == .orphaned }
  }

  /// Why it was started.
  package enum Cause: String, Sendable { case start, reload, restart }

  /// The parameters that its master has sent, and defaults for the others. Durations are nanoseconds.
  package struct Settings: Sendable {
    package var bootTimeout = 30 * Clock.nanosecondsPerSecond
    package var gracefulTimeout = 30 * Clock.nanosecondsPerSecond
    package var restartBackoff = 100 * Clock.nanosecondsPerMillisecond
    /// How long a turn of a worker's loop may take; 0 for no limit.
    package var workerTimeout = 30 * Clock.nanosecondsPerSecond
    /// How long it keeps serving after the service was told to stop.
    package var shutdownDelay: UInt64 = 0
    /// The Server field; nil if the master's version does not send it.
    package var serverHeader: String?
    /// The configured number of workers; nil if the master's version does not send it.
    package var workers: Int?
    /// Nil for none.
    package var pidFile: String?
    package var logLevel = Logger.Level.info
    /// The path of a file, or `journal`; nil for standard error.
    package var errorLog: String?
    /// The same for the access log; nil for standard output, or no log.
    package var accessLog: String?
    /// The path of the control socket; nil for none.
    package var control: String?
    /// The address of the metrics listener; nil for none.
    package var metrics: String?
    /// The user that its processes switch to; nil if it stays the same.
    package var user: ServiceUser?
    package var store = StoreSettings()
    /// What is watched for changes; none without `server.watch`.
    package var watched: [WatchedPath] = []

    /// The maximum duration: a week.
    package static let maxDuration = 7 * 86_400 * Clock.nanosecondsPerSecond
  }

  /// Counts from 1 during the life of the service.
  package let number: Int
  package let master: pid_t
  package let cause: Cause
  /// Monotonic nanoseconds.
  package let startedAt: UInt64
  package internal(set) var stage = Stage.starting
  package internal(set) var settings: Settings
  /// What its master does while it starts; once it serves, which hook of a plugin it is in, and empty for none.
  package internal(set) var step = "starting"
  /// Its master has ended and was reaped, so that the pid may belong to another process.
  var hasEnded = false
  /// Its workers have been ready.
  var hasServed = false
  /// Its deadline to exit has passed.
  var isOverdue = false
  /// The supervisor has killed its master and has logged that.
  var isKilled = false
  /// Why it could not start.
  var failure: String?
  /// The master has logged the failure.
  var failureIsLogged = false
  /// The exit code for that failure, if it differs from the master's.
  var failureCode: ExitCode?
  /// The maximum number of its workers.
  var maxWorkers = MasterLimits.workers
  /// The listeners that it serves.
  var listenerSpecs: [ListenerSpec] = []
  /// The deadline for the next stage, in monotonic nanoseconds.
  var deadline: UInt64
  /// Nil until it serves.
  package internal(set) var scoreboard: GenerationScoreboard?
  /// The scoreboard of a generation that is starting.
  var nextScoreboard: GenerationScoreboard?
  /// Which messages its master may send.
  var masterProtocol = MasterProtocol()
  /// The number of times that its master was stopped by a signal.
  var stops = MasterStops()
  /// Its workers as reported by its master, without those that have gone.
  package internal(set) var workers: [WorkerStatus] = []
  package internal(set) var plugins: [PluginInfo] = []
  /// The total size of messages about plugins.
  var pluginInfoBytes = 0
  /// When the pauses of plugins end, by index in the configuration, in monotonic nanoseconds; may be in the past.
  private(set) var pauses: [Int: UInt64] = [:]
  /// The effective configuration as TOML.
  package internal(set) var configuration = ""
  /// Nil after the master has closed its end.
  var channel: Channel?
  /// The pipe for workers without a master; nil if the generation was started by a version without it.
  var shutdownPipe: ShutdownPipe?

  init(
    number: Int, master: pid_t, cause: Cause, startedAt: UInt64, settings: Settings, channel: Channel? = nil,
    shutdownPipe: ShutdownPipe? = nil
  ) {
    self.number = number
    self.master = master
    self.cause = cause
    self.startedAt = startedAt
    self.settings = settings
    self.settings.shutdownDelay = 0
    self.settings.serverHeader = nil
    self.settings.pidFile = nil
    self.settings.errorLog = nil
    self.settings.accessLog = nil
    self.settings.control = nil
    self.settings.metrics = nil
    self.settings.user = nil
    self.settings.store = StoreSettings()
    self.settings.workers = nil
    self.settings.watched = []
    self.channel = channel
    self.shutdownPipe = shutdownPipe
    deadline = startedAt &+ settings.bootTimeout &+ Generation.bootMargin
  }

  /// Extra time, so that the master itself can report late workers.
  private static let bootMargin = Clock.nanosecondsPerSecond

  /// Applies parameters. Unknown ones come from later versions and are ignored.
  mutating func apply(parameters fields: KeyedFields) {
    for (key, value) in fields.all {
      if let parameter = MasterParameter(rawValue: key) { apply(parameter, value) }
    }
  }

  private mutating func apply(_ parameter: MasterParameter, _ value: String) {
    switch parameter {
    case .bootTimeout:
      settings.bootTimeout = Generation.duration(value) ?? settings.bootTimeout
      deadline = startedAt &+ settings.bootTimeout &+ Generation.bootMargin
    case .gracefulTimeout: settings.gracefulTimeout = Generation.duration(value) ?? settings.gracefulTimeout
    case .restartBackoff: settings.restartBackoff = Generation.duration(value) ?? settings.restartBackoff
    case .workerTimeout: settings.workerTimeout = Generation.duration(value) ?? settings.workerTimeout
    case .shutdownDelay: settings.shutdownDelay = Generation.duration(value) ?? 0
    case .serverHeader: settings.serverHeader = value
    case .workers: settings.workers = Int(value).map { MasterLimits.workers(configured: $0, workerDelta: 0) }
    case .pidFile: settings.pidFile = value
    case .logLevel: settings.logLevel = Logger.Level(rawValue: value) ?? settings.logLevel
    case .errorLog: settings.errorLog = value
    case .accessLog: settings.accessLog = value
    case .control: settings.control = value
    case .metrics: settings.metrics = value
    case .user: settings.user = ServiceUser(text: value)
    case .storeSize: settings.store.size = Int(value).flatMap { (1...MasterLimits.store).contains($0) ? $0 : nil }
    case .storeLayout: settings.store.layout = Int(value) ?? 0
    }
  }

  /// Records a worker's state; false if the slot is out of range.
  mutating func apply(_ status: WorkerStatus) -> Bool {
    let slots = (scoreboard ?? nextScoreboard)?.board.layout.slots ?? MasterLimits.slots
    guard status.slot < min(slots, MasterLimits.slots) else { return false }
    workers.removeAll { $0.slot == status.slot }
    if status.state != .gone { workers.append(status) }
    return true
  }

  /// Records the pause of a plugin; false if the index is out of range.
  mutating func apply(_ pause: PluginPause) -> Bool {
    let plugins = (scoreboard ?? nextScoreboard)?.board.layout.plugins ?? MasterLimits.plugins
    guard pause.plugin < plugins else { return false }
    pauses[pause.plugin] = pause.until
    return true
  }

  /// How long a plugin stays paused, in nanoseconds; nil if it is not.
  func pauseLeft(_ plugin: Int, at now: UInt64) -> UInt64? {
    pauses[plugin].flatMap { $0 > now ? $0 - now : nil }
  }

  /// Limits a difference from the configured number of workers, so that at least one worker remains and all have room.
  func clamped(workerDelta: Int) -> Int {
    guard let configured = settings.workers else { return MasterLimits.clamped(workerDelta: workerDelta) }
    return min(max(1, configured + MasterLimits.clamped(workerDelta: workerDelta)), maxWorkers) - configured
  }

  private static func duration(_ text: String) -> UInt64? { UInt64(text).map { min($0, Settings.maxDuration) } }
}
