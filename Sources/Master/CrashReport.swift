import Glibc
import Platform
import PluginHost

/// The scoreboard's data about a worker that has ended: its requests, and the stacks of its threads. The scoreboard is
/// shared memory, so the report is complete even after SIGKILL.
struct CrashReport {
  /// Further requests are only counted.
  private static let flightsShown = 8

  private let slot: ScoreboardSlot
  private let pluginNames: [String]
  private let now = Clock.monotonic()

  init(_ slot: ScoreboardSlot, pluginNames: [String]) {
    self.slot = slot
    self.pluginNames = pluginNames
  }

  /// The signal that the worker's signal handler recorded.
  var signal: CInt? { slot.crash.signal }

  /// A description of the failing thread's request; empty if it is unknown.
  var failedRequest: String {
    guard let number = failedFlightIndex, let flight = slot.flight(number).flight else { return "" }
    return " while serving \(describe(flight))"
  }

  /// The index of the plugin that crashed the worker, if that is certain: its request was on the thread that got the
  /// signal, or was the only one on any thread when the process exited. A signal from outside is not attributed to a
  /// plugin.
  func failedPlugin(_ exitStatus: Process.ExitStatus) -> Int? {
    let number: Int?
    switch exitStatus {
    case .exited:
      // The loop and a pool thread can have the same flight.
      let busy = Set(busyFlights)
      number = busy.count == 1 ? busy.first : nil
    default: number = signal == nil ? nil : failingFlight
    }
    return number.flatMap { slot.flight($0).flight?.plugin }
  }

  /// Whether the worker had requests in flight.
  var hasRequestsInFlight: Bool { !slot.flights.isEmpty || (1..<1 << 32).contains(openRequests) }

  private var openRequests: Int { Int(clamping: slot.count(.requests) &- slot.count(.requestsEnded)) }

  /// The other requests in flight, a line for each, and the number of WebSockets among all of them.
  var otherRequests: [String] {
    let failedRequest = failedFlightIndex
    let others = (0..<ScoreboardLayout.flights).filter { $0 != failedRequest }.compactMap { slot.flight($0).flight }
    var lines = others.prefix(Self.flightsShown).map { "lost with it: \(describe($0))" }
    let open = openRequests
    let shown = lines.count + (failedRequest == nil ? 0 : 1)
    if open > shown && open < 1 << 32 { lines.append("lost with it: \(open - shown) more") }
    if let webSockets = slot.webSockets.lostText { lines.append(webSockets) }
    return lines
  }

  /// The stack of the thread that got the signal, and those of threads with requests: a line each, innermost function
  /// first.
  var traces: [String] {
    let idle = Set((1...max(1, slot.poolThreads)).map { slot.thread($0) }.filter { $0.flight == nil }.map(\.thread))
    let symbols = CrashSymbols(slot.crash)
    return slot.crash.traces.enumerated().compactMap { index, trace in
      guard index == 0 || !idle.contains(trace.thread) else { return nil }
      let frames = trace.frames.map(symbols.text).joined(separator: " < ")
      let cause = slot.crash.signal == nil ? " called exit" : " got the signal"
      return "thread \(trace.thread)\(index == 0 ? cause : "") at \(frames)"
    }
  }

  /// The flight of the failing thread if its stack was recorded, else the flight that has been processed longest.
  private var failedFlightIndex: Int? { failingThread == nil ? busyFlights.first : failingFlight }

  private var threads: [ThreadCells] { (0...slot.poolThreads).map { slot.thread($0) } }

  private var failingThread: ThreadCells? {
    guard let failing = slot.crash.thread else { return nil }
    return threads.first { $0.thread == failing }
  }

  private var failingFlight: Int? { failingThread?.flight }

  /// The flights that threads process, longest first.
  private var busyFlights: [Int] {
    // Read once, because the memory can change meanwhile.
    let busy = threads.map { (flight: $0.flight, since: $0.busySince) }
    return busy.filter { $0.since != 0 }.sorted { $0.since < $1.since }.compactMap(\.flight)
  }

  private func describe(_ flight: Flight) -> String {
    let plugin = flight.plugin < pluginNames.count ? pluginNames[flight.plugin] : "?"
    let age = now > flight.start ? (now - flight.start) / Clock.nanosecondsPerMillisecond : 0
    let line = LogText.escaped(flight.method) + " " + LogText.escaped(flight.path)
    return "\(line) plugin=\(plugin) request=\(LogText.escaped(flight.id)) for \(age) ms"
  }
}
