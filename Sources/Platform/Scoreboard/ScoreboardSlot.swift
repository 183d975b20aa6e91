import Synchronization

/// A worker's part of a scoreboard. The worker writes with relaxed stores, without locks or system calls; other
/// processes read.
@safe
package struct ScoreboardSlot: @unchecked Sendable {
  // Each word is atomic, except the bytes of flight and crash records, which readers do not trust.
  let words: UnsafeMutablePointer<Atomic<UInt64>>
  let layout: ScoreboardLayout
  /// Offsets that are needed for each request.
  private let firstFlight: Int
  private let firstPlugin: Int
  package let index: Int
  /// Whether this worker and the others have room for connections.
  package let capacityHints: CapacityHints

  init(
    _ words: UnsafeMutablePointer<Atomic<UInt64>>, capacityHints: CapacityHints, _ layout: ScoreboardLayout, index: Int
  ) {
    unsafe self.words = words
    self.capacityHints = capacityHints
    self.layout = layout
    self.index = index
    firstFlight = layout.firstFlight
    firstPlugin = layout.firstPlugin
  }

  package var state: WorkerState {
    get { WorkerState(rawValue: self[ScoreboardLayout.state]) ?? .absent }
    nonmutating set { self[ScoreboardLayout.state] = newValue.rawValue }
  }

  /// The number of the pool's threads, at most the maximum of the layout.
  package var poolThreads: Int {
    get { min(Int(truncatingIfNeeded: self[ScoreboardLayout.poolThreads] & 0xFFFF), layout.threads) }
    nonmutating set { self[ScoreboardLayout.poolThreads] = UInt64(newValue) }
  }

  /// When the worker has to exit, in monotonic nanoseconds; 0 while it is to serve. The master writes it before it
  /// sends the message, which a worker does not read within a handler.
  package var exitDeadline: UInt64 {
    get { self[ScoreboardLayout.exitDeadline] }
    nonmutating set { self[ScoreboardLayout.exitDeadline] = newValue }
  }

  /// [master] When the master last completed a turn of its loop, in monotonic nanoseconds. It has postponed the exit by
  /// then if it was at a standstill before.
  package var masterTurn: UInt64 {
    get { unsafe words[ScoreboardLayout.masterTurn].load(ordering: .acquiring) }
    nonmutating set { unsafe words[ScoreboardLayout.masterTurn].store(newValue, ordering: .releasing) }
  }

  /// The `exitDeadline` of a worker that has to exit at once.
  package static let exitNow: UInt64 = 1

  // MARK: Counters

  package func count(_ counter: WorkerCounter) -> UInt64 { self[ScoreboardLayout.firstCounter + counter.rawValue] }

  /// [loop] Adds to a counter that only the loop writes.
  package func add(_ counter: WorkerCounter, _ amount: UInt64 = 1) {
    self[ScoreboardLayout.firstCounter + counter.rawValue] &+= amount
  }

  /// [any-thread] Adds to a counter that several threads write.
  package func addShared(_ counter: WorkerCounter, _ amount: UInt64 = 1) {
    unsafe words[ScoreboardLayout.firstCounter + counter.rawValue].wrappingAdd(amount, ordering: .relaxed)
  }

  /// [request-thread] Counts a request that a thread has taken from the queue. Sequentially consistent: either the loop
  /// sees the count, or the thread sees that the loop waits.
  package func countDequeued() {
    unsafe words[ScoreboardLayout.firstCounter + WorkerCounter.dequeued.rawValue].wrappingAdd(
      1, ordering: .sequentiallyConsistent)
  }

  /// [loop] Counts a refusal by its kind.
  package func countRefusal(_ kind: Int) {
    guard kind < layout.refusals else { return }
    self[ScoreboardLayout.firstRefusal + kind] &+= 1
  }

  package func refusals(_ kind: Int) -> UInt64 {
    kind < layout.refusals ? self[ScoreboardLayout.firstRefusal + kind] : 0
  }

  /// [any-thread] Counts requests that did not complete, by outcome.
  package func addOutcome(_ number: Int, _ amount: UInt64 = 1) {
    guard number < ScoreboardLayout.outcomes else { return }
    unsafe words[ScoreboardLayout.firstOutcome + number].wrappingAdd(amount, ordering: .relaxed)
  }

  package func outcomes(_ number: Int) -> UInt64 {
    number < ScoreboardLayout.outcomes ? self[ScoreboardLayout.firstOutcome + number] : 0
  }

  // MARK: Parts

  /// The cells of a thread: 0 is the loop, others are threads of the pool.
  package func thread(_ number: Int) -> ThreadCells {
    precondition(number >= 0 && number <= layout.threads)
    return unsafe ThreadCells(words + layout.firstThread + number * ScoreboardLayout.threadWords)
  }

  /// The plugin hook that a starting worker runs, on any of its threads.
  package var runningHook: RunningHook? {
    for number in 0...layout.threads { if let hook = thread(number).hook { return hook } }
    return nil
  }

  /// - Parameter number: the index of the plugin, or the number of plugins for requests without one.
  package func plugin(_ number: Int) -> PluginCells {
    precondition(number >= 0 && number <= layout.plugins)
    return unsafe PluginCells(words + firstPlugin + number &* PluginCells.words)
  }

  package func flight(_ number: Int) -> FlightRecord {
    precondition(number >= 0 && number < ScoreboardLayout.flights)
    return unsafe FlightRecord(words + firstFlight + number &* FlightRecord.words)
  }

  /// The time from a request's complete head until a thread of the pool takes it.
  package var queueTime: Histogram { unsafe Histogram(words + layout.queueTime) }
  /// The time from a request's first 103 to its final head.
  package var hintLead: Histogram { unsafe Histogram(words + layout.hintLead) }
  /// The plugins' own metrics.
  package var metrics: MetricCells { unsafe MetricCells(words + layout.firstMetric) }
  /// Health reports of plugins.
  package var health: HealthCells { unsafe HealthCells(words + layout.health, plugins: layout.plugins) }
  package var webSockets: WebSocketCells { unsafe WebSocketCells(words + layout.webSockets) }
  package var crash: CrashRecord { unsafe CrashRecord(words + layout.crash) }

  /// The requests in flight that have a record.
  package var flights: [Flight] { (0..<ScoreboardLayout.flights).compactMap { flight($0).flight } }

  // MARK: Reuse

  /// [master] Prepares the slot for the next worker. Counters keep their values, since sums must not decrease.
  package func resetForNextWorker() {
    state = .absent
    capacityHints.report(false)
    self[ScoreboardLayout.isUsed] = 1
    poolThreads = 0
    exitDeadline = 0
    for number in 0...layout.threads { thread(number).clear() }
    crash.clear()
    metrics.clearGauges()
    health.clear()
    closeOpenCounts()
    self[ScoreboardLayout.requestsBefore] = count(.requests)
  }

  /// [master] Marks all requests, connections and WebSockets of an ended worker as ended.
  package func closeOpenCounts() {
    for number in 0..<ScoreboardLayout.flights { flight(number).release() }
    webSockets.closeAll()
    let pairs: [(WorkerCounter, WorkerCounter)] = [
      (.requests, .requestsEnded), (.connections, .connectionsClosed), (.queued, .dequeued),
    ]
    for (begun, ended) in pairs {
      self[ScoreboardLayout.firstCounter + ended.rawValue] = count(begun)
    }
  }

  /// No worker has used the slot.
  package var isUnused: Bool { state == .absent && self[ScoreboardLayout.isUsed] == 0 }

  /// The number of requests of this process only.
  package var ownRequests: UInt64 { count(.requests) &- self[ScoreboardLayout.requestsBefore] }

  /// The number of open requests or connections, from counters that a reader does not trust.
  package func open(_ begun: WorkerCounter, _ ended: WorkerCounter) -> UInt64 {
    let (last, first) = (count(ended), count(begun))
    return first > last ? first - last : 0
  }

  private subscript(_ word: Int) -> UInt64 {
    get { unsafe words[word].load(ordering: .relaxed) }
    nonmutating set { unsafe words[word].store(newValue, ordering: .relaxed) }
  }
}
