import Configuration
import Glibc
import Platform
import Workers

// The ends of workers that were told to leave: one that does not leave is killed, and none dies without a line.

extension MasterProcess {
  /// Kills the workers whose time is over, each by itself.
  mutating func killOverdue(_ now: UInt64) {
    for slot in crew.slots {
      guard let member = crew[slot], now >= member.killAt else { continue }
      // What hangs has been told of.
      if !member.isHung { tellOverdue(member) }
      kill(slot, member)
    }
  }

  /// Kills all that are left, since the time of the generation is over.
  mutating func killAll() {
    for slot in crew.slots {
      guard let member = crew[slot] else { continue }
      if stage == .draining && !member.isHung { tellOverdue(member) }
      kill(slot, member)
    }
  }

  private mutating func kill(_ slot: Int, _ member: Crew.Member) {
    crew.change(slot) { $0.killAt = .max }
    Process.send(SIGKILL, to: member.pid)
  }

  private func tellOverdue(_ member: Crew.Member) {
    log.error(
      "worker \(member.place) (pid \(member.pid)) has not finished within server.graceful_timeout: it is killed")
  }

  /// Tells of the end of a worker that was to leave, unless it has left.
  mutating func endedWhileLeaving(_ member: Crew.Member, _ ending: Process.Ending, _ slot: Int) {
    let obituary = Obituary(scoreboard.slot(slot), pluginNames: plugins.names)
    guard isAbnormal(member, ending, obituary) else { return }
    if stage == .draining { hasLostWorker = true }
    report(member, ending, slot, then: "")
  }

  private func isAbnormal(_ member: Crew.Member, _ ending: Process.Ending, _ obituary: Obituary) -> Bool {
    switch ending {
    // Of its own accord, or since a plugin has called exit.
    case .exited(0): obituary.signal == nil && !obituary.traces.isEmpty
    // It has said why.
    case .exited where member.hasRefused: false
    // As a worker does that has nobody to serve yet.
    case .killed(SIGTERM) where !member.isReady: false
    // Who has to leave at once gets next to no time for it.
    case .killed(SIGKILL) where stage == .stopping: obituary.takesRequestsAlong
    default: true
    }
  }
}
