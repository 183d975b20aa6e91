import Configuration
import IPC
import Platform

/// The initial number of workers of a generation, and its number of slots.
struct WorkerTableSize {
  let count: Int
  /// Includes replacements of all workers, and workers added later. Unused slots of a scoreboard need no memory.
  let slots: Int

  /// The configured number of workers.
  static func configured(_ server: Settings.Server) -> Int { server.workers.number(cores: Processors.available) }

  /// - Parameter workerDelta: the number of workers in addition to the configured ones; may be negative.
  init(_ server: Settings.Server, workerDelta: Int) {
    count = MasterLimits.workers(configured: WorkerTableSize.configured(server), workerDelta: workerDelta)
    slots = 2 * (count + MasterLimits.spareWorkers)
  }

  private init(count: Int, slots: Int) {
    self.count = count
    self.slots = slots
  }

  /// The size after `change` more workers, as far as there are slots.
  func changed(by change: Int, _ server: Settings.Server) -> WorkerTableSize {
    let configured = WorkerTableSize.configured(server)
    let wanted = MasterLimits.workers(
      configured: configured, workerDelta: MasterLimits.clamped(workerDelta: count - configured + change))
    return WorkerTableSize(count: min(wanted, slots / 2), slots: slots)
  }
}
