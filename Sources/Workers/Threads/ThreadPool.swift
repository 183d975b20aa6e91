import HTTP
import Platform
import PluginHost
import Synchronization

/// The threads that run blocking handlers, and the requests that wait for one.
///
/// The principle: connections take turns, not requests. Of the streams of one HTTP/2 connection that wait, one stands
/// in line, and the next comes behind all others when a thread has taken it. And all together they never hold the last
/// thread: a client that does not read what it asked for may block every one that it is given.
final class ThreadPool: @unchecked Sendable {
  // The line, and the turns of connections, are under `monitor`; the threads are started and joined by the loop thread.
  private let monitor = Monitor()
  private var waiting: [Request] = []
  private var head = 0
  /// How many requests stand in no line yet, but behind others of their own connection.
  let waitingForTurn = Atomic<Int>(0)
  /// Threads that wait for a request, and whether one of them has been woken and not come yet.
  let idle = Atomic<Int>(0)
  private var wakeIsPending = false
  /// The loop wants to be woken when there is room: a thread with nothing to do, or one place less taken in the line.
  let tellsRoom = Atomic<Bool>(false)
  /// Submitted in this turn of the loop, and whether there are streams among them; the loop's own.
  private var staged: [Request] = []
  private var stagesStreams = false
  /// How many threads the streams of one connection may hold.
  private var mostOfConnection = 1
  private var stopping = false
  private var threads: [Thread] = []
  private let run: @Sendable (Request, WorkerThread, ThreadPool) -> Void

  /// - Parameter run: what a thread does with a request; it calls `endTurn` before it gives a stream back.
  init(run: @escaping @Sendable (Request, WorkerThread, ThreadPool) -> Void) { self.run = run }

  /// Starts `count` threads, each of which begins and ends with the plugins' hooks.
  func start(
    _ count: Int, plugins: [Plugin], slot: ScoreboardSlot, failed: @escaping @Sendable (Plugin) -> Void
  ) throws(Errno) {
    mostOfConnection = max(1, count - 1)
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
          while let request = next() { run(request, context, self) }
          for plugin in plugins { plugin.stopThread() }
        })
    }
  }

  /// [loop] Hands a request over; a thread sees it after the next `release()`.
  func submit(_ request: Request) {
    if request.isStream { stagesStreams = true }
    staged.append(request)
  }

  /// [loop] The turn is over: what was submitted in it is the threads'. One of them is woken, and wakes the next if it
  /// finds more than it takes: most requests are done before a second thread would have begun.
  func release() {
    guard !staged.isEmpty else { return }
    monitor.lock()
    if stagesStreams { lineUpStaged() } else { waiting.append(contentsOf: staged) }
    let wakes = claimWake()
    monitor.unlock()
    staged.removeAll(keepingCapacity: true)
    stagesStreams = false
    if wakes { monitor.signal() }
  }

  /// With the lock held: whether the caller is to wake a thread.
  private func claimWake() -> Bool {
    guard idle.load(ordering: .relaxed) > 0, !wakeIsPending, head < waiting.count else { return false }
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
      idle.add(1, ordering: .sequentiallyConsistent)
      tellRoom()
      monitor.wait()
      idle.subtract(1, ordering: .relaxed)
      wakeIsPending = false
    }
    let request = waiting[head]
    head += 1
    if head == waiting.count || head >= 1024 {
      waiting.removeFirst(head)
      head = 0
    }
    if request.isStream { beginTurn(request) }
    let wakes = claimWake()
    monitor.unlock()
    if wakes { monitor.signal() }
    return request
  }

  /// [request-thread] There is more room than before: once for each time that the loop wants to know.
  func tellRoom() {
    guard tellsRoom.load(ordering: .sequentiallyConsistent) else { return }
    if tellsRoom.exchange(false, ordering: .relaxed) { Worker.current.record.runtime.record.wake.wake() }
  }

  // MARK: Turns of connections

  private func lineUpStaged() {
    for request in staged {
      if request.isStream, let http2 = request.record.connection.record.http2 {
        http2.record.turn.append(request)
        waitingForTurn.add(1, ordering: .relaxed)
        lineUp(http2)
      } else {
        waiting.append(request)
      }
    }
  }

  /// The connection's next stream stands in line, if none does and it may have another thread.
  private func lineUp(_ http2: HTTP2Connection) {
    guard !http2.record.turn.isInLine, http2.record.turn.held < mostOfConnection, let next = http2.record.turn.pop()
    else { return }
    http2.record.turn.isInLine = true
    waitingForTurn.subtract(1, ordering: .relaxed)
    waiting.append(next)
  }

  private func beginTurn(_ request: Request) {
    guard let http2 = request.record.connection.record.http2 else { return }
    http2.record.turn.isInLine = false
    http2.record.turn.held += 1
    lineUp(http2)
  }

  /// [request-thread] The handler of a stream has returned. From here on the thread looks for the next request itself.
  func endTurn(_ request: Request) {
    guard let http2 = request.record.connection.record.http2 else { return }
    monitor.lock()
    http2.record.turn.held -= 1
    lineUp(http2)
    monitor.unlock()
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
