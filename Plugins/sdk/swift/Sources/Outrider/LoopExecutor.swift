import COutriderPlugin
import Glibc
import Synchronization

/// Runs tasks on the thread of the worker's loop, between the events of the server. `Loop` is isolated to it.
///
/// What a task enqueues while it runs on the loop runs before the present hook returns. What another thread enqueues wakes
/// the loop.
public final class LoopExecutor: SerialExecutor, @unchecked Sendable {
  // `remote` has a lock of its own. All else belongs to the loop's thread, but for `thread` and `host`: they are written before
  // another thread could have a task, and when no more is to come of one.

  /// The executor of the worker.
  public static let shared = LoopExecutor()

  /// The entry whose on_wake() runs what other threads have enqueued; nil before a worker starts, and after its end.
  private var host: OutriderHost?
  private var thread = pthread_t()
  /// limits.output: the most bytes of a body that the host takes at once.
  private(set) var outputLimit = 64 * 1024
  /// How many hooks and calls of the host surround the present code.
  private var depth = 0
  private var jobs: [UnownedJob] = []
  private var next = 0
  private let remote = Mutex<[UnownedJob]>([])

  private init() { jobs.reserveCapacity(64) }

  /// Begins a worker, on the thread of its loop. The first entry of the shared object is the one to wake.
  func begin(_ host: OutriderHost, _ worker: WorkerInfo) {
    outputLimit = max(1, worker.outputLimit)
    guard self.host == nil else { return }
    self.host = host
    thread = pthread_self()
  }

  /// Ends what `begin` has begun for that entry.
  func end(_ host: OutriderHost) {
    if unsafe self.host?.record == host.record { self.host = nil }
  }

  /// Ends what `begin` has begun for a worker that was refused: in a test, the next one is of the same process.
  package func endRefused() { host = nil }

  /// Whether the caller is on the thread of the loop, within a hook. Only the loop's thread asks for the second.
  private var isWithinHook: Bool { pthread_equal(pthread_self(), thread) != 0 && depth > 0 }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isWithinHook {
      jobs.append(job)
      return
    }
    let isFirst = remote.withLock { remote in
      remote.append(job)
      return remote.count == 1
    }
    if isFirst, let host { unsafe host.table.pointee.wake(host.table) }
  }

  /// [loop] Runs a task that has waited: it leaves `Parking`, and comes to the loop by `enqueue`.
  func enqueueParked(_ job: UnownedJob) {
    run { unsafe job.runSynchronously(on: ParkingExecutor.shared.asUnownedSerialExecutor()) }
  }

  /// Runs `body`, a hook or a call of the host on the loop, and then what it has enqueued.
  @inline(__always)
  func run<Result>(_ body: () -> Result) -> Result {
    depth += 1
    let result = body()
    if depth == 1 { runJobs() }
    depth -= 1
    return result
  }

  private func runJobs() {
    while next < jobs.count {
      let job = jobs[next]
      next += 1
      unsafe job.runSynchronously(on: asUnownedSerialExecutor())
    }
    jobs.removeAll(keepingCapacity: true)
    next = 0
  }

  /// Runs what other threads have enqueued.
  func runRemote() {
    run {
      remote.withLock { remote in
        jobs.append(contentsOf: remote)
        remote.removeAll(keepingCapacity: true)
      }
    }
  }

  /// Whether tasks wait for a worker to begin. In the master that would be for ever.
  var hasWaitingJobs: Bool { remote.withLock { !$0.isEmpty } }

  public func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }
  public func isIsolatingCurrentContext() -> Bool? { isWithinHook }
  public func checkIsolated() { precondition(isWithinHook, "this is not the worker's loop") }
}

/// The isolation of the worker's loop: of each `AsyncRequest`, of sockets, and of whatever else is not to be locked.
@globalActor
public actor Loop {
  public static let shared = Loop()
  nonisolated public var unownedExecutor: UnownedSerialExecutor { unsafe LoopExecutor.shared.asUnownedSerialExecutor() }
}
