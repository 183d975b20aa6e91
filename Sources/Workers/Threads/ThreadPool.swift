import HTTP
import Platform
import PluginHost
import Synchronization

/// The threads that run blocking handlers, and the requests that wait for one.
///
/// The principle: connections take turns, not requests. Of the waiting streams of an HTTP/2 connection, one is in the
/// pool's queue; when a thread takes it, the next is appended. The streams of one connection never hold the last
/// thread, because a client that does not read its responses may block every thread that it is given.
final class ThreadPool: @unchecked Sendable {
  // The queues, and the turns of connections, are under `monitor`. The loop's thread starts and joins the threads.
  private let monitor = Monitor()
  private var waiting: [Request] = []
  private var head = 0
  /// Requests whose plugin's turn has come.
  private var resumed = RequestQueue()
  /// The number of requests that are in no queue of the pool yet because they wait for others of their connection.
  let waitingForTurn = Atomic<Int>(0)
  /// The number of threads that wait for a request, and whether one has been woken and has not run yet.
  let idle = Atomic<Int>(0)
  private var wakeIsPending = false
  /// The loop wants to be woken when there is room: an idle thread, or a shorter queue.
  let tellsRoom = Atomic<Bool>(false)
  /// Requests submitted in this turn of the loop, and whether there are streams among them. Both belong to the loop.
  private var staged: [Request] = []
  private var stagesStreams = false
  /// The maximum number of threads for the streams of one connection.
  private var mostOfConnection = 1
  private var turns: PluginTurns
  /// By plugin index: whether the handler runs on one thread at a time. Empty if there is no such plugin.
  private let serial: [Bool]
  private let pluginCount: Int
  private var stopping = false
  /// The number of threads that have run the plugins' hooks, and the error of one that can't serve.
  private var started = 0
  private var fault: PluginLoadError?
  private var threads: [Thread] = []
  private let run: @Sendable (Request, WorkerThread, ThreadPool) -> Void

  /// - Parameters:
  ///   - plugins: all plugins of the worker, by index.
  ///   - run: the work of a thread on a request; calls `endTurn` before the request is returned.
  init(_ plugins: [Plugin], run: @escaping @Sendable (Request, WorkerThread, ThreadPool) -> Void) {
    turns = PluginTurns(plugins)
    pluginCount = plugins.count
    let serial = plugins.map { !$0.record.isThreadSafe }
    self.serial = serial.contains(true) ? serial : []
    self.run = run
  }

  enum ThreadStartError: Error {
    case plugin(PluginLoadError)
    case system(Errno)
  }

  /// Starts `count` threads and waits until the plugins' hooks have run on each.
  func start(_ count: Int, plugins: [Plugin], slot: ScoreboardSlot) throws(ThreadStartError) {
    mostOfConnection = max(1, count - 1)
    do throws(Errno) {
      for number in 1...count {
        threads.append(
          try Thread.start("outrider-h\(number)") { [self] in
            live(plugins, slot.thread(number), number - 1, of: count)
          })
      }
    } catch {
      throw .system(error)
    }
    monitor.lock()
    while started < count && fault == nil { monitor.wait() }
    let fault = fault
    monitor.unlock()
    if let fault { throw .plugin(fault) }
  }

  /// The life of a thread.
  private func live(_ plugins: [Plugin], _ cells: ThreadCells, _ index: Int, of count: Int) {
    let context = WorkerThread.install(cells: cells, plugins: pluginCount)
    CrashRecord.registerThread()
    defer {
      CrashRecord.unregisterThread()
      context.uninstall()
    }
    var ready = 0
    var fault: PluginLoadError?
    for plugin in plugins {
      do throws(PluginLoadError) {
        try alone(with: plugin) { () throws(PluginLoadError) in
          cells.hook = RunningHook(plugin: plugin.record.number, .threadStart)
          // A thread that waits for the turn of the next plugin is inside no hook.
          defer { cells.hook = nil }
          unsafe context[plugin] = try plugin.startThread(index, of: count)
        }
        ready += 1
      } catch {
        fault = error
        break
      }
    }
    monitor.lock()
    started += 1
    if self.fault == nil { self.fault = fault }
    monitor.broadcast()
    monitor.unlock()
    if fault == nil { while let request = next() { run(request, context, self) } }
    for plugin in plugins.prefix(ready) { alone(with: plugin) { unsafe plugin.stopThread(context[plugin]) } }
  }

  /// Runs a hook of a plugin on this thread. For a plugin that is not thread-safe, nothing else of the plugin runs
  /// meanwhile.
  private func alone<Fault: Error>(with plugin: Plugin, _ hook: () throws(Fault) -> Void) throws(Fault) {
    if plugin.record.isThreadSafe { return try hook() }
    monitor.lock()
    while !turns.take(plugin.record.number) { monitor.wait() }
    monitor.unlock()
    defer {
      monitor.lock()
      turns.giveBack(plugin.record.number)
      monitor.broadcast()
      monitor.unlock()
    }
    try hook()
  }

  /// [loop] Submits a request. Threads see it after the next `release()`.
  func submit(_ request: Request) {
    if request.http2 != nil { stagesStreams = true }
    staged.append(request)
  }

  /// [loop] Releases the requests submitted in this turn. One thread is woken, and wakes another if it finds more than
  /// one request: most requests are done before a second thread would have begun.
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

  /// With the lock held: whether the caller has to wake a thread.
  private func claimWake() -> Bool {
    guard idle.load(ordering: .relaxed) > 0, !wakeIsPending, head < waiting.count || !resumed.isEmpty else {
      return false
    }
    wakeIsPending = true
    return true
  }

  private func next() -> Request? {
    monitor.lock()
    while true {
      while head == waiting.count && resumed.isEmpty {
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
      if let request = resumed.pop() {
        let wakes = claimWake()
        monitor.unlock()
        if wakes { monitor.signal() }
        return request
      }
      let request = waiting[head]
      head += 1
      if head == waiting.count || head >= 1024 {
        waiting.removeFirst(head)
        head = 0
      }
      let isItsTurn = serial.isEmpty || turns.begin(request)
      if let http2 = request.http2 { leaveLine(http2, hasThread: isItsTurn) }
      guard isItsTurn else { continue }
      let wakes = claimWake()
      monitor.unlock()
      if wakes { monitor.signal() }
      return request
    }
  }

  /// [request-thread] Wakes the loop because there is more room, if the loop waits for that.
  func tellRoom() {
    guard tellsRoom.load(ordering: .sequentiallyConsistent) else { return }
    if tellsRoom.exchange(false, ordering: .relaxed) { Worker.current.record.runtime.record.wake.wake() }
  }

  // MARK: Turns of connections

  private func lineUpStaged() {
    for request in staged {
      if let http2 = request.http2 {
        http2.record.turn.waiting.append(request)
        waitingForTurn.add(1, ordering: .relaxed)
        lineUp(http2)
      } else {
        waiting.append(request)
      }
    }
  }

  /// Queues the connection's next stream, if none is queued and it may have another thread.
  private func lineUp(_ http2: HTTP2Connection) {
    guard !http2.record.turn.isInLine, http2.record.turn.held < mostOfConnection,
      let next = http2.record.turn.waiting.pop()
    else { return }
    http2.record.turn.isInLine = true
    waitingForTurn.subtract(1, ordering: .relaxed)
    waiting.append(next)
  }

  /// The connection's queued stream has left the queue: queues the next.
  private func leaveLine(_ http2: HTTP2Connection, hasThread: Bool) {
    http2.record.turn.isInLine = false
    if hasThread { http2.record.turn.held += 1 }
    lineUp(http2)
  }

  /// Queues requests whose plugin is free, as far as their connections may have more threads.
  private func resume() {
    while let request = turns.next(where: { mayHold($0) }) {
      request.http2?.record.turn.held += 1
      resumed.append(request)
    }
  }

  private func mayHold(_ request: Request) -> Bool {
    guard let http2 = request.http2 else { return true }
    return http2.record.turn.held < mostOfConnection
  }

  /// Whether `endTurn` has to be called for a request.
  @inline(__always)
  func countsTurns(of request: Request) -> Bool { request.http2 != nil || isSerial(request) }

  @inline(__always)
  private func isSerial(_ request: Request) -> Bool {
    !serial.isEmpty && serial.indices.contains(request.record.plugin) && serial[request.record.plugin]
  }

  /// [request-thread] The handler of such a request has returned. The thread takes its next request itself.
  func endTurn(_ request: Request) {
    monitor.lock()
    if let http2 = request.http2 {
      http2.record.turn.held -= 1
      lineUp(http2)
    }
    turns.giveBack(request.record.plugin)
    // A request of another plugin may have waited for this connection to hold fewer threads.
    if !serial.isEmpty { resume() }
    if stopping { monitor.broadcast() }
    let wakes = claimWake()
    monitor.unlock()
    if wakes { monitor.signal() }
  }

  /// Makes the threads end after their current requests, and waits for them until `deadline` (monotonic nanoseconds).
  ///
  /// - Returns: false if some still run.
  func stop(until deadline: UInt64) -> Bool {
    monitor.lock()
    stopping = true
    monitor.broadcast()
    monitor.unlock()
    threads.removeAll { $0.join(until: deadline) }
    return threads.isEmpty
  }

  /// [loop] The number of threads that have not ended.
  var threadCount: Int { threads.count }
}

extension Request {
  /// The connection whose streams take turns; nil over HTTP/1, where a connection has one request at a time.
  fileprivate var http2: HTTP2Connection? { record.connection.record.http2 }
}
