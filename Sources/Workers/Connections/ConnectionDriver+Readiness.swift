import HTTP
import Platform
import PluginHost

// Events that epoll reports for a connection.

extension ConnectionDriver {
  /// Handles an event.
  @inline(__always)
  func ready(_ ready: Epoll.Interest) {
    if connection.record.phase == .ownedByThread {
      connection.record.missed.formUnion(ready)
      if !ready.isDisjoint(with: [.peerClosed, .error, .hangUp]), let request = connection.record.request {
        worker.notePeerClosed(of: request, ready.isDisjoint(with: [.error, .hangUp]) ? .halfClosed : .gone)
      }
      if connection.record.handoff.notifyOnReturn() { http1.channel?.reclaim() }
      return
    }
    noteReadiness(ready)
    pump()
  }

  /// Notes an event of a connection that the loop owns.
  func noteReadiness(_ ready: Epoll.Interest) {
    // Any event matters: a thread that has the request has to report its return.
    if connection.record.phase == .exchange { _ = connection.record.handoff.notifyOnReturn() }
    if ready.contains(.readable) { connection.record.flags.insert(.readable) }
    if ready.contains(.writable) { connection.record.flags.insert(.writable) }
    if ready.contains(.peerClosed) { connection.record.flags.formUnion([.peerClosed, .readable]) }
    if !connection.record.flags.isDisjoint(with: .crossed) { connection.crossOver(ready) }
    if ready.contains(.error) || ready.contains(.hangUp) { connection.record.flags.insert(.broken) }
  }
}
