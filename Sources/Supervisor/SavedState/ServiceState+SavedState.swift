import IPC
import Platform

extension ServiceState {
  /// The bound of restored counts.
  private static let maxCount = 1 << 53

  func save(to fields: inout KeyedFields) {
    fields.set("generation_count", generationCount)
    fields.set("worker_delta", workerDelta)
    fields.set("restart_at", restartAt)
    fields.set("reload_wanted", reloadIsWanted)
    for cause in Restarts.Cause.allCases { fields.set("restarts.\(cause.name)", restarts[cause]) }
    fields.set("reloads.succeeded", reloads.succeeded)
    fields.set("reloads.failed", reloads.failed)
    fields.set("ticket_keys", ticketKeys)
  }

  mutating func restore(_ fields: KeyedFields) {
    func count(_ key: String) -> Int { fields.number(key, in: 0...ServiceState.maxCount) ?? 0 }
    generationCount = fields.number("generation_count", in: 0...Generation.maxNumber) ?? 0
    workerDelta = MasterLimits.clamped(workerDelta: fields.number("worker_delta") ?? 0)
    restartAt = fields.number("restart_at") ?? .max
    reloadIsWanted = fields.flag("reload_wanted")
    for cause in Restarts.Cause.allCases { restarts[cause] = count("restarts.\(cause.name)") }
    reloads.succeeded = count("reloads.succeeded")
    reloads.failed = count("reloads.failed")
    ticketKeys = fields["ticket_keys"]
  }
}

extension ServiceState.Reload {
  var fields: KeyedFields {
    var fields = KeyedFields("generation", generation)
    fields.set("ended_at", endedAt)
    fields.set("duration", duration)
    fields.set("failure", failure)
    return fields
  }

  init?(_ fields: KeyedFields) {
    guard let generation = fields.number("generation", in: 1...Generation.maxNumber),
      let endedAt: Int64 = fields.number("ended_at"), let duration: UInt64 = fields.number("duration")
    else { return nil }
    self.init(generation: generation, endedAt: endedAt, duration: duration, failure: fields["failure"])
  }
}
