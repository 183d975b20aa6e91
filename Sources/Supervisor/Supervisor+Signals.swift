import Glibc
import Logging
import Platform

// What each signal to the supervisor does; outrider(8) has the table.

extension Supervisor {
  mutating func heed(_ signal: CInt) {
    switch signal {
    case SIGTERM where aim == .serve: drainAll()
    case SIGTERM, SIGINT, SIGQUIT: stopAll()
    case SIGHUP: reload()
    case SIGUSR2: beginReplacement()
    default: log.warning("\(Signals.name(signal)) has no effect in this version")
    }
  }

  private mutating func drainAll() {
    let longest = state.generations.map(\.settings.gracefulTimeout).max() ?? 0
    log.info("stopping: requests in flight have \(longest / Clock.nanosecondsPerSecond) s to finish")
    end(.drain)
    for index in state.generations.indices {
      switch state.generations[index].stage {
      case .serving: drain(index)
      // It holds nothing yet.
      case .starting: stop(index)
      case .draining, .stopping: break
      }
    }
  }

  private mutating func stopAll() {
    guard aim != .stop else { return }
    log.info("stopping now")
    end(.stop)
    for index in state.generations.indices where state.generations[index].stage != .stopping { stop(index) }
  }

  /// No new clients from here on, and no new generations.
  private mutating func end(_ next: Aim) {
    aim = next
    restartAt = .max
    reloadIsWanted = false
    replacementIsWanted = false
    store.removeAll()
    if state.generations.isEmpty { exitCode = .ok }
  }
}
