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
    case SIGUSR1: reopenLogs()
    case SIGUSR2: beginReplacement()
    case SIGTTIN: scale(by: 1)
    case SIGTTOU: scale(by: -1)
    default: break
    }
  }

  /// Those that serve, or are about to, are told; the number outlives them. It is what operators have said, as far as there
  /// was room for it: a master's word does not change it.
  mutating func scale(by change: Int) {
    guard aim == .serve else { return }
    let heirs = state.generations.filter { $0.stage == .serving || $0.stage == .starting }
    let change = MasterLimits.clamped(scale: change)
    let wanted = MasterLimits.clamped(scale: state.scale + change)
    state.scale = (state.serving ?? state.starting)?.settled(scale: wanted) ?? wanted
    for generation in heirs {
      generation.channel?.send(kind: MasterMessage.scale.rawValue, text: Array("\(change)".utf8))
    }
  }

  mutating func drainAll() {
    let longest = state.generations.map(\.settings.gracefulTimeout).max() ?? 0
    let status = "stopping: requests in flight have \(longest / Clock.nanosecondsPerSecond) s to finish"
    log.info("\(status)")
    ServiceNotification.stopping(status)
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

  mutating func stopAll() {
    guard aim != .stop else { return }
    log.info("stopping now")
    ServiceNotification.stopping("stopping now")
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
