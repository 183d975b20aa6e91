import IPC
import Platform

/// An event in the service's life. `ServiceState.handle` decides what follows. Generations are identified by their
/// numbers.
enum ServiceEvent {
  // MARK: Requests of operators and of the service manager

  /// The program has started, without a predecessor.
  case begun
  case reloadRequested
  /// USR2, or `upgrade`.
  case replacementRequested
  case scaleRequested(by: Int)
  /// Finish after `timeouts.shutdown_delay`.
  case shutdownRequested
  /// Exit at once.
  case stopRequested

  // MARK: Masters

  case launched(Int)
  case launchFailed(Int, Generation.Cause, reason: String)
  /// Its workers are ready.
  case becameReady(Int)
  /// Another process has told the master to exit.
  case toldToLeave(Int)
  /// The master can't continue and has to be killed.
  case unusable(Int, reason: String, code: ExitCode? = nil, isLogged: Bool = false)
  /// The master has closed its channel.
  case channelClosed(Int)
  /// A command could not be sent to the master.
  case commandFailed(Int)
  /// The master was stopped by a signal.
  case masterStopped(Int, by: CInt)
  /// The master has ended. Its remaining workers are those that are children of this process now.
  case masterEnded(Int, Process.ExitStatus)
  /// A worker without a master has ended.
  case orphanEnded(Int, WorkerStatus, Process.ExitStatus, LostRequests)

  // MARK: The rest

  case timerFired
  /// This process did not run for that many nanoseconds (a standstill).
  case stoodStill(UInt64)
  /// The program on disk was run with `--version`.
  case probeEnded(objection: String?)
}

/// The requests in flight of a worker that has ended, according to its slot in the scoreboard.
struct LostRequests {
  var count: UInt64 = 0
  /// For the log.
  var lines: [String] = []
}

/// When an event happens.
struct Moment {
  /// Monotonic nanoseconds.
  let time: UInt64
  /// Seconds since the epoch.
  var date: Int64 = 0

  static var now: Moment { Moment(time: Clock.monotonic(), date: Clock.epochSeconds()) }
}
