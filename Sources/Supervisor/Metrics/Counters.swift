import HTTP
import IPC
import Platform

/// The counters of workers, summed over all slots of a scoreboard and over generations. They never decrease: a slot
/// continues to count from worker to worker, and the sums of ended generations are kept.
struct Counters: Sendable, Equatable {
  struct Histogram: Sendable, Equatable {
    var buckets = [UInt64](repeating: 0, count: Platform.Histogram.buckets)
    /// Nanoseconds.
    var sum: UInt64 = 0

    var count: UInt64 { buckets.reduce(0, &+) }

    mutating func add(_ cells: Platform.Histogram) {
      for bucket in buckets.indices { buckets[bucket] &+= cells.count(in: bucket) }
      sum &+= cells.sum
    }
  }

  struct Plugin: Sendable, Equatable {
    let name: String
    /// By method, then by status class, as in `PluginCells`.
    var responses = [UInt64](repeating: 0, count: PluginCells.methods.count * PluginCells.classes.count)
    var durations = Histogram()

    func count(method: Int, class statusClass: Int) -> UInt64 {
      responses[method * PluginCells.classes.count + statusClass]
    }

    /// Counts lost requests as 1xx, as `PluginCells` counts requests without a status.
    mutating func addLost(method: Int, _ amount: UInt64 = 1) {
      let cell = method * PluginCells.classes.count
      if responses.indices.contains(cell) { responses[cell] &+= amount }
    }

    mutating func add(_ cells: PluginCells) {
      for method in PluginCells.methods.indices {
        for statusClass in PluginCells.classes.indices {
          responses[method * PluginCells.classes.count + statusClass] &+= cells.count(
            method: method, class: statusClass)
        }
      }
      durations.add(cells.durations)
    }
  }

  /// The maximum number of plugin names over all generations; further ones are not counted.
  static let maxPlugins = 1024

  private var values = [UInt64](repeating: 0, count: WorkerCounter.allCases.count)
  private var refusals = [UInt64](repeating: 0, count: Refusal.allCases.count)
  /// Refusals of a generation whose version has other kinds.
  private(set) var otherRefusals: UInt64 = 0
  private var outcomes = [UInt64](repeating: 0, count: RequestOutcome.allCases.count)
  /// The number of complete requests that was last exported.
  private var shownComplete: UInt64 = 0
  private var restarts = [UInt64](repeating: 0, count: RestartCause.allCases.count)
  /// By the words of `WebSocketCells`.
  private var webSocketWords = [UInt64](repeating: 0, count: WebSocketCells.words)
  private(set) var queueTime = Histogram()
  private(set) var hintLead = Histogram()
  private(set) var plugins: [Plugin] = []
  /// The plugins' own counters and histograms.
  private(set) var pluginSeries = PluginSeries()
  /// Requests that the server responded to before a plugin was found.
  private(set) var unassigned = Plugin(name: "")

  func count(_ counter: WorkerCounter) -> UInt64 { values[counter.rawValue] }
  func count(_ refusal: Refusal) -> UInt64 { refusals[Int(refusal.rawValue)] }
  func count(_ cause: RestartCause) -> UInt64 { restarts[cause.rawValue] }
  func webSockets(_ count: WebSocketCells.Count) -> UInt64 { webSocketWords[WebSocketCells.word(of: count)] }

  /// WebSockets that have ended with a code of `WebSocketCells.codes`, by its index; those with others at the next index.
  func closes(_ index: Int) -> UInt64 { webSocketWords[WebSocketCells.word(ofClose: index)] }

  /// Workers count only outcomes other than `complete`; complete requests are the rest of all requests. The result
  /// never falls below the one exported before, although a worker counts the outcome before the request and may be read
  /// in between.
  func count(_ outcome: RequestOutcome) -> UInt64 {
    if outcome != .complete { return outcomes[Int(outcome.rawValue)] }
    let all = (plugins + [unassigned]).reduce(0) { $0 &+ $1.responses.reduce(0, &+) }
    let others = outcomes.reduce(0, &+)
    return max(shownComplete, all > others ? all - others : 0)
  }

  /// Remembers the exported number of complete requests.
  mutating func noteShown(_ later: Counters) { shownComplete = max(shownComplete, later.count(.complete)) }

  /// Adds the counters of a scoreboard.
  mutating func add(_ board: borrowing Scoreboard) {
    for cause in RestartCause.allCases { restarts[cause.rawValue] &+= board.restarts(cause) }
    let indices = (0..<board.layout.plugins).map { index(of: board.pluginName($0)) }
    for number in 0..<board.layout.slots {
      let slot = board.slot(number)
      // Most slots are unused, and reading one is expensive.
      if slot.isUnused { continue }
      for counter in WorkerCounter.allCases { values[counter.rawValue] &+= slot.count(counter) }
      for kind in 0..<board.layout.refusals {
        if board.layout.refusals == refusals.count {
          refusals[kind] &+= slot.refusals(kind)
        } else {
          otherRefusals &+= slot.refusals(kind)
        }
      }
      for kind in outcomes.indices { outcomes[kind] &+= slot.outcomes(kind) }
      for word in webSocketWords.indices { webSocketWords[word] &+= slot.webSockets[word] }
      queueTime.add(slot.queueTime)
      hintLead.add(slot.hintLead)
      for (plugin, index) in indices.enumerated() {
        if let index { plugins[index].add(slot.plugin(plugin)) }
      }
      unassigned.add(slot.plugin(board.layout.plugins))
    }
    pluginSeries.addCounts(board)
  }

  /// Adds the requests that a worker without a master had when it died.
  mutating func addLost(_ number: Int, of board: borrowing Scoreboard, _ outcome: RequestOutcome) {
    let slot = board.slot(number)
    let flights = slot.flights
    for flight in flights {
      let known = flight.plugin < board.layout.plugins ? index(of: board.pluginName(flight.plugin)) : nil
      if let known {
        plugins[known].addLost(method: flight.methodNumber)
      } else {
        unassigned.addLost(method: flight.methodNumber)
      }
    }
    // Requests beyond the flight records are only counted.
    let open = slot.open(.requests, .requestsEnded)
    let others = open > UInt64(flights.count) && open < 1 << 32 ? open - UInt64(flights.count) : 0
    unassigned.addLost(method: PluginCells.otherMethod, others)
    outcomes[Int(outcome.rawValue)] &+= UInt64(flights.count) &+ others
    webSocketWords[WebSocketCells.lostWord] &+= slot.webSockets.open
  }

  private mutating func index(of name: String) -> Int? {
    if let index = plugins.firstIndex(where: { $0.name == name }) { return index }
    guard plugins.count < Counters.maxPlugins else { return nil }
    plugins.append(Plugin(name: name))
    return plugins.count - 1
  }

  // MARK: Over an exec

  func save(to records: inout KeyedRecords) {
    var fields = KeyedFields()
    fields.set("values", values)
    fields.set("refusals", refusals)
    fields.set("other_refusals", otherRefusals)
    fields.set("outcomes", outcomes)
    fields.set("shown_complete", shownComplete)
    fields.set("restarts", restarts)
    fields.set("websockets", webSocketWords)
    fields.set("queue_time", queueTime.words)
    fields.set("hint_lead", hintLead.words)
    fields.set("unassigned", unassigned.responses)
    records.append("counters", fields)
    for plugin in plugins {
      var fields = KeyedFields("name", plugin.name)
      fields.set("responses", plugin.responses)
      fields.set("durations", plugin.durations.words)
      records.append("plugin_counters", fields)
    }
    pluginSeries.save(to: &records)
  }

  /// Restores counters. Arrays of another length than in this version begin with zeros.
  mutating func restore(_ records: KeyedRecords) {
    pluginSeries.restore(records)
    guard let fields = records["counters"] else { return }
    values = fields.numbers("values", like: values)
    refusals = fields.numbers("refusals", like: refusals)
    otherRefusals = fields.number("other_refusals") ?? 0
    outcomes = fields.numbers("outcomes", like: outcomes)
    shownComplete = fields.number("shown_complete") ?? 0
    restarts = fields.numbers("restarts", like: restarts)
    webSocketWords = fields.numbers("websockets", like: webSocketWords)
    queueTime = Histogram(words: fields.numbers("queue_time", like: queueTime.words))
    hintLead = Histogram(words: fields.numbers("hint_lead", like: hintLead.words))
    unassigned.responses = fields.numbers("unassigned", like: unassigned.responses)
    plugins = records.of("plugin_counters").prefix(Counters.maxPlugins).compactMap { fields in
      guard let name = fields["name"] else { return nil }
      var plugin = Plugin(name: name)
      plugin.responses = fields.numbers("responses", like: plugin.responses)
      plugin.durations = Histogram(words: fields.numbers("durations", like: plugin.durations.words))
      return plugin
    }
  }
}

extension Counters.Histogram {
  fileprivate var words: [UInt64] { buckets + [sum] }

  fileprivate init(words: [UInt64]) {
    buckets = Array(words.dropLast())
    sum = words.last ?? 0
  }
}

extension KeyedFields {
  /// Zeros if the number of values differs from `shape`.
  fileprivate func numbers(_ key: String, like shape: [UInt64]) -> [UInt64] {
    numbers(key, count: shape.count) ?? shape.map { _ in 0 }
  }
}
