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
  /// Those that have waited for their plugin's turn, which has come.
  private var resumed = RequestLine()
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
  private var turns: PluginTurns
  /// By the plugins' numbers: their handlers run on one thread at a time. Empty if there are none.
  private let serial: [Bool]
  private var stopping = false
  /// How many threads have run the plugins' hooks, and why one of them can't serve.
  private var started = 0
  private var fault: LoadFault?
  private var threads: [Thread] = []
  private let run: @Sendable (Request, WorkerThread, ThreadPool) -> Void

  /// - Parameters:
  ///   - plugins: all of the worker's, by their numbers.
  ///   - run: what a thread does with a request; it calls `endTurn` before it gives it back.
  init(_ plugins: [Plugin], run: @escaping @Sendable (Request, WorkerThread, ThreadPool) -> Void) {
    turns = PluginTurns(plugins)
    let serial = plugins.map { !$0.record.isThreadSafe }
    self.serial = serial.contains(true) ? serial : []
    self.run = run
  }

  enum StartFault: Error {
    case plugin(LoadFault)
    case system(Errno)
  }

  /// Starts `count` threads, each of which begins and ends with the plugins' hooks, and waits until all are ready.
  func start(_ count: Int, plugins: [Plugin], slot: ScoreboardSlot) throws(StartFault) {
    mostOfConnection = max(1, count - 1)
    do throws(Errno) {
      for number in 1...count {
        threads.append(try Thread.start { [self] in live(plugins, slot.thread(number)) })
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

  /// What a thread does from its start to its end.
  private func live(_ plugins: [Plugin], _ cells: ThreadCells) {
    let context = WorkerThread.install(cells: cells)
    CrashRecord.joinThread()
    defer {
      CrashRecord.leaveThread()
      context.uninstall()
    }
    var ready = 0
    var fault: LoadFault?
    for plugin in plugins {
      do throws(LoadFault) {
        try alone(with: plugin) { () throws(LoadFault) in try plugin.startThread() }
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
    for plugin in plugins.prefix(ready) { alone(with: plugin) { plugin.stopThread() } }
  }

  /// Runs a hook of a plugin on this thread: of one that is not thread-safe while nothing else of it runs.
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
      if request.isStream { leaveLine(request, hasThread: isItsTurn) }
      guard isItsTurn else { continue }
      let wakes = claimWake()
      monitor.unlock()
      if wakes { monitor.signal() }
      return request
    }
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
        http2.record.turn.waiting.append(request)
        waitingForTurn.add(1, ordering: .relaxed)
        lineUp(http2)
      } else {
        waiting.append(request)
      }
    }
  }

  /// The connection's next stream stands in line, if none does and it may have another thread.
  private func lineUp(_ http2: HTTP2Connection) {
    guard !http2.record.turn.isInLine, http2.record.turn.held < mostOfConnection,
      let next = http2.record.turn.waiting.pop()
    else { return }
    http2.record.turn.isInLine = true
    waitingForTurn.subtract(1, ordering: .relaxed)
    waiting.append(next)
  }

  /// The next of its connection may stand in line.
  private func leaveLine(_ request: Request, hasThread: Bool) {
    guard let http2 = request.record.connection.record.http2 else { return }
    http2.record.turn.isInLine = false
    if hasThread { http2.record.turn.held += 1 }
    lineUp(http2)
  }

  /// Requests whose plugin is free go on, as far as their connection may have another thread.
  private func resume() {
    while let request = turns.next(where: { mayHold($0) }) {
      if request.isStream { request.record.connection.record.http2?.record.turn.held += 1 }
      resumed.append(request)
    }
  }

  private func mayHold(_ request: Request) -> Bool {
    guard request.isStream, let http2 = request.record.connection.record.http2 else { return true }
    return http2.record.turn.held < mostOfConnection
  }

  /// Whether `endTurn` has to be called for a request.
  @inline(__always)
  func countsTurns(of request: Request) -> Bool { request.isStream || isSerial(request) }

  @inline(__always)
  private func isSerial(_ request: Request) -> Bool {
    !serial.isEmpty && serial.indices.contains(request.record.plugin) && serial[request.record.plugin]
  }

  /// [request-thread] The handler of such a request has returned. From here on the thread looks for the next itself.
  func endTurn(_ request: Request) {
    monitor.lock()
    if request.isStream, let http2 = request.record.connection.record.http2 {
      http2.record.turn.held -= 1
      lineUp(http2)
    }
    turns.giveBack(request.record.plugin)
    // A thread less that a connection holds may be what another plugin's request waits for.
    if !serial.isEmpty { resume() }
    if stopping { monitor.broadcast() }
    let wakes = claimWake()
    monitor.unlock()
    if wakes { monitor.signal() }
  }

  /// Lets the threads end when they are done, and waits for them until `deadline` (monotonic nanoseconds).
  ///
  /// - Returns: false if some of them are at work still.
  func stop(until deadline: UInt64) -> Bool {
    monitor.lock()
    stopping = true
    monitor.broadcast()
    monitor.unlock()
    threads.removeAll { $0.join(until: deadline) }
    return threads.isEmpty
  }

  /// [loop] How many of them have not ended.
  var threadCount: Int { threads.count }
}
