import Platform

/// Sums over the workers that are running now.
struct Gauges: Sendable {
  private(set) var requestsInFlight: UInt64 = 0
  private(set) var connections: UInt64 = 0
  private(set) var webSockets: UInt64 = 0
  /// The plugins' own gauges.
  private(set) var pluginSeries = PluginSeries()

  /// - Parameter slots: the slots of the workers; nil for all that the master has not marked as absent.
  mutating func add(_ board: borrowing Scoreboard, _ slots: [Int]? = nil) {
    var running: [Int] = []
    for number in slots ?? Array(0..<board.layout.slots) where number < board.layout.slots {
      let slot = board.slot(number)
      guard slot.state != .absent else { continue }
      running.append(number)
      requestsInFlight &+= slot.open(.requests, .requestsEnded)
      connections &+= slot.open(.connections, .connectionsClosed)
      webSockets &+= slot.webSockets.open
    }
    pluginSeries.addGauges(board, running)
  }
}

extension ServiceState {
  var gauges: Gauges {
    var gauges = Gauges()
    for generation in generations {
      guard let board = generation.scoreboard else { continue }
      // Without a master, the slots of ended workers are not marked as absent.
      gauges.add(board.board, generation.hasEnded ? generation.workers.map(\.slot) : nil)
    }
    return gauges
  }

  /// The counters since the service began.
  var counters: Counters {
    var counters = pastCounters
    for generation in generations { if let board = generation.scoreboard { counters.add(board.board) } }
    return counters
  }

  /// The same for Prometheus, where no counter may decrease.
  mutating func shownCounters() -> Counters {
    let counters = counters
    pastCounters.noteShown(counters)
    return counters
  }
}
