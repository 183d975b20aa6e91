import Configuration
import Platform

/// How many workers a generation begins with, and how many processes it has room for.
struct CrewSize {
  let count: Int
  /// Room for each worker's replacement, and for workers added later; untouched slots of a scoreboard take no memory.
  let slots: Int

  /// How many workers are configured.
  static func configured(_ server: Settings.Server) -> Int { server.workers.number(cores: Process.processorCount) }

  /// - Parameter scale: so many more or fewer than configured.
  init(_ server: Settings.Server, scale: Int) {
    count = MasterLimits.workers(configured: CrewSize.configured(server), scale: scale)
    slots = 2 * (count + MasterLimits.spareWorkers)
  }

  private init(count: Int, slots: Int) {
    self.count = count
    self.slots = slots
  }

  /// So many workers more or fewer, as far as there is room for them.
  func changed(by change: Int, _ server: Settings.Server) -> CrewSize {
    let configured = CrewSize.configured(server)
    let wanted = MasterLimits.workers(
      configured: configured, scale: MasterLimits.clamped(scale: count - configured + change))
    return CrewSize(count: min(wanted, slots / 2), slots: slots)
  }
}
