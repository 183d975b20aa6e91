import IPC
import Platform

/// The state of a generation, on which its master's decisions depend.
struct MasterState {
  enum Stage {
    case starting, serving, draining, stopping

    var isEnding: Bool { self == .draining || self == .stopping }
  }

  /// The settings that decisions depend on. Durations are nanoseconds.
  struct Limits {
    var bootTimeout: UInt64
    var gracefulTimeout: UInt64
    /// In bytes; 0 for none.
    var memoryLimit = 0
    var pluginNames: [String] = []
  }

  let limits: Limits
  var stage = Stage.starting
  var workers: WorkerTable
  var circuitBreaker: PluginCircuitBreaker
  var watchdog: WorkerWatchdog
  /// When the workers are checked next.
  var nextCheckAt = UInt64.max
  var bootDeadline: UInt64
  var killDeadline = UInt64.max
  /// Another generation serves.
  var isSuperseded = false
  /// Another process has sent SIGTERM, and the supervisor has been told.
  var wasTerminated = false
  /// Why the generation could not start.
  var failureCode = ExitCode.ok
  /// A worker has ended abnormally while the generation drained.
  var hasLostWorker = false

  init(
    _ limits: Limits, workers: WorkerTable, circuitBreaker: PluginCircuitBreaker, watchdog: WorkerWatchdog,
    bootDeadline: UInt64
  ) {
    self.limits = limits
    self.workers = workers
    self.circuitBreaker = circuitBreaker
    self.watchdog = watchdog
    self.bootDeadline = bootDeadline
  }

  /// Whether the generation has ended.
  var hasEnded: Bool { stage.isEnding && workers.isEmpty }

  /// The exit code of the master at that time. A lost worker does not matter if another generation has taken over.
  var exitCode: ExitCode { failureCode == .ok && hasLostWorker && !isSuperseded ? .software : failureCode }

  /// When `timerFired` is due; `.max` for never.
  ///
  /// - Parameter ticketKeysRotateAt: when the next key is due.
  func nextDeadline(ticketKeysRotateAt: UInt64 = .max) -> UInt64 {
    let next =
      switch stage {
      case .starting: min(bootDeadline, workers.nextStart)
      case .serving: min(workers.nextStart, nextCheckAt, ticketKeysRotateAt)
      case .draining, .stopping: killDeadline
      }
    return min(next, workers.nextKill)
  }
}
