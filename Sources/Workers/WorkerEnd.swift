import Platform

/// How a worker's threads have left it, for the one that ends the process after them.
final class WorkerEnd: @unchecked Sendable {
  // Written by the loop's thread, read when that has ended.
  var code = ExitCode.osError
  /// No thread is inside a plugin any more: stdio may be flushed, and what plugins have registered for the end may run.
  var isOrderly = false

  /// How long that may take.
  static let finalizersTime = Clock.nanosecondsPerSecond
}
