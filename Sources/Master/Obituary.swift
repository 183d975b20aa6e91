import Glibc
import Platform
import PluginHost

/// What is known of a worker at its end: the requests it served, and where its threads stood. All of it comes from the
/// scoreboard, so that it is known after SIGKILL too.
struct Obituary {
  /// Of more requests only their number is told.
  private static let flightsShown = 8

  private let slot: ScoreboardSlot
  private let pluginNames: [String]
  private let now = Clock.monotonic()

  init(_ slot: ScoreboardSlot, pluginNames: [String]) {
    self.slot = slot
    self.pluginNames = pluginNames
  }

  /// The signal that its handler recorded.
  var signal: CInt? { slot.crash.signal }

  /// The request that the thread in trouble worked on, as a phrase; empty if that is not known.
  var culprit: String {
    guard let number = culpritNumber, let flight = slot.flight(number).flight else { return "" }
    return " while serving \(describe(flight))"
  }

  /// The number of the plugin that took the worker down, where that is certain: its request was on the thread that got
  /// the signal, or the only one on any thread when the process exited. What came from outside is nobody's fault.
  func culpritPlugin(_ ending: Process.Ending) -> Int? {
    let number: Int?
    switch ending {
    case .exited:
      // The loop and a thread of the pool may have the same.
      let atWork = Set(flightsAtWork)
      number = atWork.count == 1 ? atWork.first : nil
    default: number = signal == nil ? nil : failingFlight
    }
    return number.flatMap { slot.flight($0).flight?.plugin }
  }

  /// It served somebody.
  var takesRequestsAlong: Bool { !slot.flights.isEmpty || (1..<1 << 32).contains(openRequests) }

  private var openRequests: Int { Int(clamping: slot.count(.requests) &- slot.count(.requestsEnded)) }

  /// Every other request it served, one a line.
  var companions: [String] {
    let culprit = culpritNumber
    let others = (0..<ScoreboardLayout.flights).filter { $0 != culprit }.compactMap { slot.flight($0).flight }
    var lines = others.prefix(Self.flightsShown).map { "lost with it: \(describe($0))" }
    let open = openRequests
    let shown = lines.count + (culprit == nil ? 0 : 1)
    if open > shown && open < 1 << 32 { lines.append("lost with it: \(open - shown) more") }
    return lines
  }

  /// Where the thread that got the signal stood, and those that served requests, innermost function first: a line each.
  var traces: [String] {
    let idle = Set((1...max(1, slot.poolThreads)).map { slot.thread($0) }.filter { $0.flight == nil }.map(\.thread))
    let symbols = CrashSymbols(slot.crash)
    return slot.crash.traces.enumerated().compactMap { index, trace in
      guard index == 0 || !idle.contains(trace.thread) else { return nil }
      let frames = trace.frames.map(symbols.text).joined(separator: " < ")
      let fate = slot.crash.signal == nil ? " called exit" : " got the signal"
      return "thread \(trace.thread)\(index == 0 ? fate : "") at \(frames)"
    }
  }

  /// Whoever works on a request: the thread that failed if its stack was recorded, else the one longest at work.
  private var culpritNumber: Int? { failingThread == nil ? flightsAtWork.first : failingFlight }

  private var threads: [ThreadCells] { (0...slot.poolThreads).map { slot.thread($0) } }

  private var failingThread: ThreadCells? {
    guard let failing = slot.crash.thread else { return nil }
    return threads.first { $0.thread == failing }
  }

  private var failingFlight: Int? { failingThread?.flight }

  /// What the threads work on, the longest at it first.
  private var flightsAtWork: [Int] {
    // Read once: what is in the memory may be written still.
    let atWork = threads.map { (flight: $0.flight, since: $0.busySince) }
    return atWork.filter { $0.since != 0 }.sorted { $0.since < $1.since }.compactMap(\.flight)
  }

  private func describe(_ flight: Flight) -> String {
    let plugin = flight.plugin < pluginNames.count ? pluginNames[flight.plugin] : "?"
    let age = now > flight.start ? (now - flight.start) / Clock.nanosecondsPerMillisecond : 0
    let line = LogText.escaped(flight.method) + " " + LogText.escaped(flight.path)
    return "\(line) plugin=\(plugin) request=\(LogText.escaped(flight.id)) for \(age) ms"
  }
}
