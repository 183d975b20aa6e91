import Glibc
import HTTP
import Platform
import Workers

// The requests that a worker had when it died: nobody else counts them, or writes their lines.

extension MasterProcess {
  /// Counts them, and writes what the access log has not got of the worker. After its end was reported.
  mutating func settleRequests(of number: Int, _ ending: Process.Ending, wasLeaving: Bool) {
    let slot = scoreboard.slot(number)
    let outcome: RequestOutcome = ending == .killed(SIGKILL) && wasLeaving ? .cancelled : .crashed
    let flights = slot.flights
    for flight in flights {
      slot.plugin(min(flight.plugin, plugins.names.count)).endedShared(method: flight.methodNumber, status: 0)
    }
    // Of more than there are records for, only their number is known.
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
    slot.settle()
  }
}
