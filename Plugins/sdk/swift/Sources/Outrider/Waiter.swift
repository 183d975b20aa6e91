/// Where a task waits on the loop until it is resumed. One task at a time.
///
/// It is told nothing: whoever waits looks again at what it has waited for.
///
/// A continuation would do the same, but a task that one resumes goes on in the pool of all threads first, and comes back to
/// the loop from there. So a waiting task is one that switches to `Parking`, whose executor keeps it instead of running it.
final class Waiter: @unchecked Sendable {
  // The loop's.
  private var job: UnownedJob?

  /// [loop]
  func resume() {
    guard let job else { return }
    self.job = nil
    LoopExecutor.shared.enqueueParked(job)
  }

  /// Suspends the calling task until `resume`.
  @Loop
  func wait() async {
    ParkingExecutor.shared.waiter = self
    await Parking.shared.enter()
  }

  /// The same, or until the task is cancelled.
  @Loop
  func waitOrCancel() async {
    await withTaskCancellationHandler {
      await wait()
    } onCancel: {
      Task { @Loop in resume() }
    }
  }

  fileprivate func park(_ job: UnownedJob) {
    // A second task would make the first one wait for ever.
    resume()
    self.job = job
  }
}

/// The isolation of tasks that wait.
private actor Parking {
  static let shared = Parking()
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe ParkingExecutor.shared.asUnownedSerialExecutor() }

  /// A task waits before it enters, and leaves at once. What it does here keeps the compiler from going without.
  func enter() { ParkingExecutor.shared.waiter = nil }
}

/// Keeps a task that comes, at the waiter that has sent it.
final class ParkingExecutor: SerialExecutor, @unchecked Sendable {
  static let shared = ParkingExecutor()

  /// The loop's: who has sent the task that comes next, in the same call.
  fileprivate var waiter: Waiter?

  func enqueue(_ job: consuming ExecutorJob) {
    waiter?.park(UnownedJob(job))
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }
}
