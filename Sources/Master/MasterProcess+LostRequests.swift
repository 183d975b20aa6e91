import Glibc
import HTTP
import Platform
import Workers

// The requests in flight of a dead worker: the master counts them and writes their access log lines.

extension MasterProcess {
  /// Counts the requests, and writes the access log lines that the worker left. Called after the exit has been logged.
  mutating func countLostRequests(of number: Int, _ exitStatus: Process.ExitStatus, wasLeaving: Bool) {
    let slot = scoreboard.slot(number)
    let outcome: RequestOutcome = exitStatus == .killed(SIGKILL) && wasLeaving ? .cancelled : .crashed
    let flights = slot.flights
    for flight in flights {
      slot.plugin(min(flight.plugin, plugins.names.count)).endedShared(method: flight.methodNumber, status: 0)
    }
    // Requests beyond the flight records are only counted.
    let open = slot.open(.requests, .requestsEnded)
    let others = open > UInt64(flights.count) && open < 1 << 32 ? open - UInt64(flights.count) : 0
    if others > 0 {
      slot.plugin(plugins.names.count).endedShared(method: PluginCells.otherMethod, status: 0, others)
    }
    if !flights.isEmpty || others > 0 {
      slot.addOutcome(Int(outcome.rawValue), UInt64(flights.count) &+ others)
    }
    if let accessLog, let recovery {
      switch LogSink.duplicate(of: accessLog) {
      case .some(let sink): recovery.write(slot, outcome, to: sink, plugins: plugins.names)
      case .none: log.warning("lines of the access log are lost: no descriptor is left")
      }
    }
    slot.closeOpenCounts()
  }
}
