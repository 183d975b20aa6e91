import Platform

/// What goes on now in the workers that are there.
struct Present: Sendable {
  private(set) var requestsInFlight: UInt64 = 0
  private(set) var connections: UInt64 = 0

  mutating func add(_ board: borrowing Scoreboard) {
    for number in 0..<board.layout.slots {
      let slot = board.slot(number)
      guard slot.state != .absent else { continue }
      requestsInFlight &+= slot.open(.requests, .requestsEnded)
      connections &+= slot.open(.connections, .connectionsClosed)
    }
  }
}

extension ServiceState {
  var present: Present {
    var present = Present()
    for generation in generations { if let board = generation.scoreboard { present.add(board.board) } }
    return present
  }

  /// Since the service began.
  var totals: Totals {
    var totals = pastTotals
    for generation in generations { if let board = generation.scoreboard { totals.add(board.board) } }
    return totals
  }
}
