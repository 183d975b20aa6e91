import Platform

/// How the threads of a worker have ended, for the thread that then ends the process.
final class WorkerExit: @unchecked Sendable {
  // Written by the loop's thread, and read after that has ended.
  var code = ExitCode.osError
  /// No thread is inside a plugin any more: stdio may be flushed and plugins' exit handlers run.
  var isOrderly = false

  /// The time limit for that.
  static let finalizersTime = Clock.nanosecondsPerSecond
}
