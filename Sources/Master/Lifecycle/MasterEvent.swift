import Glibc
import IPC
import Platform

/// An event in a generation's life. `MasterState.handle` decides what follows. Workers are identified by their slots.
enum MasterEvent {
  // MARK: The supervisor and the system

  /// The plugins are loaded.
  case begun
  /// - Parameter isSuperseded: another generation serves.
  case drainRequested(isSuperseded: Bool)
  case stopRequested(isSuperseded: Bool)
  case scaleRequested(by: Int)
  /// Replace the worker with this pid.
  case retireRequested(pid_t)
  /// SIGTERM, from another process or from the kernel.
  ///
  /// - Parameter supervisorIsGone: whether the kernel has sent it because the supervisor has died.
  case terminated(supervisorIsGone: Bool)
  case supervisorGone

  // MARK: Workers

  case spawned(workerIndex: Int, slot: Int, pid: pid_t)
  case spawnFailed(workerIndex: Int, reason: String)
  case workerReady(Int)
  /// The worker has served `server.max_requests`.
  case lifetimeReached(Int)
  /// The worker can't serve, and reports the reason.
  case startFailed(Int, reason: String)
  /// The worker has sent a message that no worker sends.
  case protocolViolated(Int, reason: String)
  case workerEnded(Int, Process.ExitStatus, WorkerRemains)

  // MARK: Time

  case timerFired
  /// The workers were not ready in time.
  ///
  /// - Parameter hook: the plugin's hook that one of them is in.
  case startTimedOut(hook: String?)
  case workersChecked([WorkerSample])
  /// This process did not run for that many nanoseconds (a standstill).
  case stoodStill(UInt64)
}

/// What a worker has left in the scoreboard.
struct WorkerRemains {
  /// The hook of a plugin that it was in, with the plugin's name.
  var hook: String?
  /// The plugin that crashed it, if that is certain.
  var failedPlugin: Int?
  /// It has recorded a signal.
  var hasSignal = false
  /// It has recorded stacks.
  var hasTraces = false
  var hasRequestsInFlight = false
}
