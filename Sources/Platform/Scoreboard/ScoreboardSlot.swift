import Synchronization

/// One worker's part of a scoreboard. The worker writes with relaxed stores, without lock or system call; others read.
@safe
package struct ScoreboardSlot: @unchecked Sendable {
  // Every word is atomic, but for bytes of flight and crash records, which readers do not trust.
  let words: UnsafeMutablePointer<Atomic<UInt64>>
  let layout: ScoreboardLayout
  /// The offsets that are needed for each request.
  private let firstFlight: Int
  private let firstPlugin: Int
  package let index: Int
  /// Whether it and its fellows have room for connections.
  package let room: FellowsRoom

  init(
    _ words: UnsafeMutablePointer<Atomic<UInt64>>, room: FellowsRoom, _ layout: ScoreboardLayout, index: Int
  ) {
    unsafe self.words = words
    self.room = room
    self.layout = layout
    self.index = index
    firstFlight = layout.firstFlight
    firstPlugin = layout.firstPlugin
  }

  package var state: WorkerState {
    get { WorkerState(rawValue: self[ScoreboardLayout.state]) ?? .absent }
    nonmutating set { self[ScoreboardLayout.state] = newValue.rawValue }
  }

  /// How many threads its pool has; at most as many as the layout has room for.
  package var poolThreads: Int {
    get { min(Int(truncatingIfNeeded: self[ScoreboardLayout.poolThreads] & 0xFFFF), layout.threads) }
    nonmutating set { self[ScoreboardLayout.poolThreads] = UInt64(newValue) }
  }

  /// By when the worker has to be gone, in monotonic nanoseconds; 0 as long as it is to serve. The master writes it before
  /// it tells the worker, who may be within a handler and hear of nothing.
  package var leaveBy: UInt64 {
    get { self[ScoreboardLayout.leaveBy] }
    nonmutating set { self[ScoreboardLayout.leaveBy] = newValue }
  }

  // MARK: Counters

  package func count(_ counter: WorkerCounter) -> UInt64 { self[ScoreboardLayout.firstCounter + counter.rawValue] }

  /// [loop] For counters that the loop alone writes.
  package func add(_ counter: WorkerCounter, _ amount: UInt64 = 1) {
    self[ScoreboardLayout.firstCounter + counter.rawValue] &+= amount
  }

  /// [any-thread] For those that several threads write.
  package func addShared(_ counter: WorkerCounter, _ amount: UInt64 = 1) {
    unsafe words[ScoreboardLayout.firstCounter + counter.rawValue].wrappingAdd(amount, ordering: .relaxed)
  }

  /// [request-thread] A thread has taken a request: a loop that waits for that sees it, or is seen to wait.
  package func countDequeued() {
    unsafe words[ScoreboardLayout.firstCounter + WorkerCounter.dequeued.rawValue].wrappingAdd(
      1, ordering: .sequentiallyConsistent)
  }

  /// [loop] A refusal, by its number.
  package func countRefusal(_ kind: Int) {
    guard kind < layout.refusals else { return }
    self[ScoreboardLayout.firstRefusal + kind] &+= 1
  }

  package func refusals(_ kind: Int) -> UInt64 {
    kind < layout.refusals ? self[ScoreboardLayout.firstRefusal + kind] : 0
  }

  /// [any-thread] Requests that have not ended as they should, by the number of their outcome.
  package func addOutcome(_ number: Int, _ amount: UInt64 = 1) {
    guard number < ScoreboardLayout.outcomes else { return }
    unsafe words[ScoreboardLayout.firstOutcome + number].wrappingAdd(amount, ordering: .relaxed)
  }

  package func outcomes(_ number: Int) -> UInt64 {
    number < ScoreboardLayout.outcomes ? self[ScoreboardLayout.firstOutcome + number] : 0
  }

  // MARK: Parts

  /// 0 is the loop, others the threads of the pool.
  package func thread(_ number: Int) -> ThreadCells {
    precondition(number >= 0 && number <= layout.threads)
    return unsafe ThreadCells(words + layout.firstThread + number * ScoreboardLayout.threadWords)
  }

  /// - Parameter number: that of the plugin; that of none is the number of plugins.
  package func plugin(_ number: Int) -> PluginCells {
    precondition(number >= 0 && number <= layout.plugins)
    return unsafe PluginCells(words + firstPlugin + number * PluginCells.words)
  }

  package func flight(_ number: Int) -> FlightRecord {
    precondition(number >= 0 && number < ScoreboardLayout.flights)
    return unsafe FlightRecord(words + firstFlight + number * FlightRecord.words)
  }

  /// From a request's complete head to a thread of the pool.
  package var queueTime: Histogram { unsafe Histogram(words + layout.queueTime) }
  /// From a request's first 103 to its final head.
  package var hintLead: Histogram { unsafe Histogram(words + layout.hintLead) }
  package var crash: CrashRecord { unsafe CrashRecord(words + layout.crash) }

  /// Every request that is described.
  package var flights: [Flight] { (0..<ScoreboardLayout.flights).compactMap { flight($0).flight } }

  // MARK: From process to process

  /// [master] For the next process, which counts on from where the last has ended: totals never go back. What that one
  /// left open is closed.
  package func renew() {
    state = .absent
    room.tell(false)
    self[ScoreboardLayout.isUsed] = 1
    poolThreads = 0
    leaveBy = 0
    for number in 0...layout.threads { thread(number).clear() }
    crash.clear()
    settle()
    self[ScoreboardLayout.requestsBefore] = count(.requests)
  }

  /// [master] The worker has ended, and so has all that it had begun.
  package func settle() {
    for number in 0..<ScoreboardLayout.flights { flight(number).release() }
    let pairs: [(WorkerCounter, WorkerCounter)] = [
      (.requests, .requestsEnded), (.connections, .connectionsClosed), (.queued, .dequeued),
    ]
    for (begun, ended) in pairs {
      self[ScoreboardLayout.firstCounter + ended.rawValue] = count(begun)
    }
  }

  /// No worker has ever had it.
  package var isUnused: Bool { state == .absent && self[ScoreboardLayout.isUsed] == 0 }

  /// The requests of this process alone.
  package var ownRequests: UInt64 { count(.requests) &- self[ScoreboardLayout.requestsBefore] }

  /// How much of what was begun has not ended, as far as a reader can trust it.
  package func open(_ begun: WorkerCounter, _ ended: WorkerCounter) -> UInt64 {
    let (last, first) = (count(ended), count(begun))
    return first > last ? first - last : 0
  }

  private subscript(_ word: Int) -> UInt64 {
    get { unsafe words[word].load(ordering: .relaxed) }
    nonmutating set { unsafe words[word].store(newValue, ordering: .relaxed) }
  }
}
