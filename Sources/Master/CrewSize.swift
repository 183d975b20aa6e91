import Configuration
import Platform

/// How many workers a generation begins with, and how many processes it has room for.
struct CrewSize {
  let count: Int
  /// Room for each worker's replacement, and for workers added later; untouched slots of a scoreboard take no memory.
  let slots: Int

  /// - Parameter scale: so many more or fewer than configured.
  init(_ server: Settings.Server, scale: Int) {
    let configured = server.workers.number(cores: Process.processorCount)
    count = min(max(1, configured.addingReportingOverflow(scale).partialValue), MasterLimits.workers)
    slots = 2 * count + 32
  }
}
