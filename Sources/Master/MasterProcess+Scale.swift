import Logging
import Platform

// TTIN and TTOU: workers more or fewer than configured.

extension MasterProcess {
  /// Adds or removes workers as far as there is room. The supervisor counts for itself; one of an earlier version wants to
  /// be told how many there are beyond the configured number.
  mutating func scale(by change: Int) {
    guard !stage.isEnding else { return }
    let change = MasterLimits.clamped(scale: change)
    let before = crew.count
    if change > 0 {
      for _ in 0..<change {
        guard let place = crew.addPlace() else {
          log.warning("there is no room for more than \(crew.count) workers until the next reload")
          break
        }
        start(place)
      }
    } else {
      for _ in change..<0 { for slot in crew.removePlace() { dismiss(slot) } }
    }
    if crew.count != before { log.info("\(crew.count) worker(s) from now on") }
    line.scaled(crew.count - configuredWorkers)
  }

  var configuredWorkers: Int { CrewSize.configured(configuration.settings.server) }
}
