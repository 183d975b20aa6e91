import HTTP
import Platform

/// What workers have counted: sums over all slots of a scoreboard, and over generations. Each number only grows: slots
/// count on from worker to worker, and a generation that has ended leaves its sums behind.
struct Totals: Sendable, Equatable {
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
    /// By method, then by class, as `PluginCells` has them.
    var answers = [UInt64](repeating: 0, count: PluginCells.methods.count * PluginCells.classes.count)
    var durations = Histogram()

    func count(method: Int, class answer: Int) -> UInt64 { answers[method * PluginCells.classes.count + answer] }

    mutating func add(_ cells: PluginCells) {
      for method in PluginCells.methods.indices {
        for answer in PluginCells.classes.indices {
          answers[method * PluginCells.classes.count + answer] &+= cells.count(method: method, class: answer)
        }
      }
      durations.add(cells.durations)
    }
  }

  /// Beyond so many names of plugins, over all generations, new ones are not counted.
  static let mostPlugins = 1024

  private var counters = [UInt64](repeating: 0, count: WorkerCounter.allCases.count)
  private var refusals = [UInt64](repeating: 0, count: Refusal.allCases.count)
  /// Those of a generation with other kinds than this program knows.
  private(set) var otherRefusals: UInt64 = 0
  private var outcomes = [UInt64](repeating: 0, count: RequestOutcome.allCases.count)
  private var restarts = [UInt64](repeating: 0, count: RestartCause.allCases.count)
  private(set) var queueTime = Histogram()
  private(set) var hintLead = Histogram()
  private(set) var plugins: [Plugin] = []
  /// Requests that the server answered before any plugin was found for them.
  private(set) var unassigned = Plugin(name: "")

  func count(_ counter: WorkerCounter) -> UInt64 { counters[counter.rawValue] }
  func count(_ refusal: Refusal) -> UInt64 { refusals[Int(refusal.rawValue)] }
  func count(_ cause: RestartCause) -> UInt64 { restarts[cause.rawValue] }

  /// Workers count those alone that are not `complete`: these are the rest of all.
  func count(_ outcome: RequestOutcome) -> UInt64 {
    if outcome != .complete { return outcomes[Int(outcome.rawValue)] }
    let all = (plugins + [unassigned]).reduce(0) { $0 &+ $1.answers.reduce(0, &+) }
    let others = outcomes.reduce(0, &+)
    return all > others ? all - others : 0
  }

  /// Adds all that a scoreboard has.
  mutating func add(_ board: borrowing Scoreboard) {
    for cause in RestartCause.allCases { restarts[cause.rawValue] &+= board.restarts(cause) }
    let places = (0..<board.layout.plugins).map { place(of: board.pluginName($0)) }
    for number in 0..<board.layout.slots {
      let slot = board.slot(number)
      // Nearly all of them, and large.
      if slot.isUnused { continue }
      for counter in WorkerCounter.allCases { counters[counter.rawValue] &+= slot.count(counter) }
      for kind in 0..<board.layout.refusals {
        if board.layout.refusals == refusals.count {
          refusals[kind] &+= slot.refusals(kind)
        } else {
          otherRefusals &+= slot.refusals(kind)
        }
      }
      for kind in outcomes.indices { outcomes[kind] &+= slot.outcomes(kind) }
      queueTime.add(slot.queueTime)
      hintLead.add(slot.hintLead)
      for (plugin, place) in places.enumerated() {
        if let place { plugins[place].add(slot.plugin(plugin)) }
      }
      unassigned.add(slot.plugin(board.layout.plugins))
    }
  }

  private mutating func place(of name: String) -> Int? {
    if let place = plugins.firstIndex(where: { $0.name == name }) { return place }
    guard plugins.count < Totals.mostPlugins else { return nil }
    plugins.append(Plugin(name: name))
    return plugins.count - 1
  }

  // MARK: Over an exec

  /// Without the name of a kind: one for the sums of all plugins, then one for each plugin.
  var savedLines: [String] {
    let general = [
      counters, refusals, [otherRefusals], restarts, queueTime.words, hintLead.words, unassigned.answers, outcomes,
    ]
    return [Totals.line(general)]
      + plugins.map { plugin in
        let numbers = Totals.line([plugin.answers, plugin.durations.words])
        return String(StateText.line([numbers], text: plugin.name).dropLast())
      }
  }

  private static func line(_ numbers: [[UInt64]]) -> String {
    numbers.map { run in "\(run.count) " + run.map(String.init).joined(separator: " ") }.joined(separator: " ")
  }

  /// Takes over the line for all plugins; what has another form than this program's counts as nothing.
  mutating func restore(_ record: StateText.Record) {
    var record = record
    counters = record.numbers(like: counters)
    refusals = record.numbers(like: refusals)
    otherRefusals = record.numbers(like: [0])[0]
    restarts = record.numbers(like: restarts)
    queueTime = Histogram(words: record.numbers(like: queueTime.words))
    hintLead = Histogram(words: record.numbers(like: hintLead.words))
    unassigned.answers = record.numbers(like: unassigned.answers)
    outcomes = record.numbers(like: outcomes)
  }

  mutating func restore(plugin record: StateText.Record) {
    var record = record
    var plugin = Plugin(name: "")
    let answers = record.numbers(like: plugin.answers)
    let durations = Histogram(words: record.numbers(like: plugin.durations.words))
    plugin = Plugin(name: record.text(), answers: answers, durations: durations)
    if plugins.count < Totals.mostPlugins { plugins.append(plugin) }
  }
}

extension Totals.Histogram {
  fileprivate var words: [UInt64] { buckets + [sum] }

  fileprivate init(words: [UInt64]) {
    buckets = Array(words.dropLast())
    sum = words.last ?? 0
  }
}

extension StateText.Record {
  /// A run of numbers behind their count; zeros if there are not as many as in `shape`.
  fileprivate mutating func numbers(like shape: [UInt64]) -> [UInt64] {
    let count = number(Int.self)
    guard (0...4096).contains(count) else { return shape.map { _ in 0 } }
    let found = (0..<count).map { _ in number(UInt64.self) }
    return found.count == shape.count ? found : shape.map { _ in 0 }
  }
}
