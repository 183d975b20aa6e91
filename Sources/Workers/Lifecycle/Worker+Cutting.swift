import IPC
import Platform

// Facts about a draining or stopping worker that cut requests need.

extension Worker {
  /// Requests are being cut, or may be soon. Without a master there is no known exit time.
  var isCutting: Bool {
    record.slot.exitDeadline != 0 || record.draining.hasCutRequests || record.handler.isCut
  }

  var isOverdue: Bool { record.slot.exitDeadline != 0 && record.clock.now >= record.slot.exitDeadline }

  var leavesNow: Bool { record.slot.exitDeadline == ScoreboardSlot.exitNow || isStoppedBySupervisor }

  /// [any-thread] The supervisor has told workers without a master to exit now. A loop that runs a handler has not read
  /// that.
  var isStoppedBySupervisor: Bool { record.shutdownPipe >= 0 && ShutdownPipe.command(record.shutdownPipe) == .stop }
}
