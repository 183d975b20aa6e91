import Glibc

/// The state of a worker, as its master reports it.
package struct WorkerStatus: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case starting
    case ready
    /// The worker drains.
    case leaving
    case gone
  }

  /// Its slot in the scoreboard.
  package let slot: Int
  package let pid: pid_t
  /// The replacement of a worker has the same index.
  package let workerIndex: Int
  package let state: State

  package init(slot: Int, pid: pid_t, workerIndex: Int, state: State) {
    self.slot = slot
    self.pid = pid
    self.workerIndex = workerIndex
    self.state = state
  }

  package var fields: KeyedFields {
    var fields = KeyedFields()
    fields.set("slot", slot)
    fields.set("pid", pid)
    fields.set("worker_index", workerIndex)
    fields.set("state", state.rawValue)
    return fields
  }

  /// Nil if the fields are not those of a worker.
  package init?(_ fields: KeyedFields) {
    guard let slot = fields.number("slot", in: 0...MasterLimits.slots - 1),
      let pid = fields.number("pid", in: 1...pid_t.max),
      let workerIndex = fields.number("worker_index", in: 0...MasterLimits.slots - 1),
      let state = fields["state"].flatMap({ State(rawValue: $0) })
    else { return nil }
    self.init(slot: slot, pid: pid, workerIndex: workerIndex, state: state)
  }
}
