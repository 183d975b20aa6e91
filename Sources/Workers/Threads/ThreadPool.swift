import HTTP
import Platform
import PluginHost

/// The threads that run blocking handlers, and the requests that wait for one.
final class ThreadPool: @unchecked Sendable {
  // The queue is under `monitor`; the threads are started and joined by the loop thread.
  private let monitor = Monitor()
  private var waiting: [Request] = []
  private var head = 0
  /// Threads that wait for a request, and whether one of them has been woken and not come yet.
  private var idle = 0
  private var wakeIsPending = false
  /// Submitted in this turn of the loop; the loop's own.
  private var staged: [Request] = []
  private var stopping = false
  private var threads: [Thread] = []
  private let run: @Sendable (Request, WorkerThread) -> Void

  /// - Parameter run: what a thread does with a request.
  init(run: @escaping @Sendable (Request, WorkerThread) -> Void) { self.run = run }

  /// Starts `count` threads, each of which begins and ends with the plugins' hooks.
  func start(
    _ count: Int, plugins: [Plugin], slot: ScoreboardSlot, failed: @escaping @Sendable (Plugin) -> Void
  ) throws(Errno) {
    for number in 1...count {
      threads.append(
        try Thread.start { [self] in
          let context = WorkerThread.install(cells: slot.thread(number))
          CrashRecord.joinThread()
          defer {
            CrashRecord.leaveThread()
            context.uninstall()
          }
          for plugin in plugins where !plugin.startThread() { failed(plugin) }
          while let request = next() { run(request, context) }
          for plugin in plugins { plugin.stopThread() }
        })
    }
  }

  /// [loop] Hands a request over; a thread sees it after the next `release()`.
  func submit(_ request: Request) { staged.append(request) }

  /// [loop] The turn is over: what was submitted in it is the threads'. One of them is woken, and wakes the next if it
  /// finds more than it takes: most requests are done before a second thread would have begun.
  func release() {
    guard !staged.isEmpty else { return }
    monitor.lock()
    waiting.append(contentsOf: staged)
    let wakes = claimWake()
    monitor.unlock()
    staged.removeAll(keepingCapacity: true)
    if wakes { monitor.signal() }
  }

  /// With the lock held: whether the caller is to wake a thread.
  private func claimWake() -> Bool {
    guard idle > 0, !wakeIsPending, head < waiting.count else { return false }
    wakeIsPending = true
    return true
  }

  private func next() -> Request? {
    monitor.lock()
    while head == waiting.count {
      if stopping {
        monitor.unlock()
        return nil
      }
      idle += 1
      monitor.wait()
      idle -= 1
      wakeIsPending = false
    }
    let request = waiting[head]
    head += 1
    if head == waiting.count || head >= 1024 {
      waiting.removeFirst(head)
      head = 0
    }
    let wakes = claimWake()
    monitor.unlock()
    if wakes { monitor.signal() }
    return request
  }

  /// Lets the threads end when they are done, and waits for them.
  func stop() {
    monitor.lock()
    stopping = true
    monitor.broadcast()
    monitor.unlock()
    for thread in threads { thread.join() }
    threads = []
  }
}
