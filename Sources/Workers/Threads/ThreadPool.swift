import HTTP
import Platform
import PluginHost

/// The threads that run blocking handlers, and the requests that wait for one.
final class ThreadPool: @unchecked Sendable {
  // The queue is under `monitor`; the threads are started and joined by the loop thread.
  private let monitor = Monitor()
  private var waiting: [Request] = []
  private var head = 0
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

  /// [loop] Hands a request over.
  func submit(_ request: Request) {
    monitor.lock()
    waiting.append(request)
    monitor.signal()
    monitor.unlock()
  }

  /// How many requests no thread has taken yet.
  var queueLength: Int {
    monitor.lock()
    defer { monitor.unlock() }
    return waiting.count - head
  }

  private func next() -> Request? {
    monitor.lock()
    defer { monitor.unlock() }
    while head == waiting.count {
      if stopping { return nil }
      monitor.wait()
    }
    let request = waiting[head]
    head += 1
    if head == waiting.count || head >= 1024 {
      waiting.removeFirst(head)
      head = 0
    }
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
