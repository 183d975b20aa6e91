import HTTP
import Platform
import PluginHost

// Deadlines of HTTP/2. A connection is in the wheel with the earliest deadline of its own and its streams'.

extension HTTP2Connection {
  func expire() {
    if driver.outputIsLate() {
      connection.record.flags.insert(.broken)
      return
    }
    let now = worker.record.clock.now
    if hasLateHead() { return abortLate() }
    if record.nextShutdownStep != .max {
      driver.lowerDeadline(max(record.nextShutdownStep, now &+ 1))
    }
    // Decided before any stream is reset, since a reset is output too.
    let isHeldBack = !connection.record.output.isEmpty
    visit { request in
      if now >= request.record.stream.deadline {
        request.record.stream.deadline = .max
        channel(of: request).expire(isHeldBack: isHeldBack)
      }
      driver.lowerDeadline(request.record.stream.deadline)
    }
    if record.count == 0 {
      let deadline = record.idleSince &+ worker.record.settings.timeouts.keepalive
      if now >= deadline { refuseStreams() } else { driver.lowerDeadline(deadline) }
    }
  }

  /// Whether a stream's head is late. Until the head is complete, the stream's deadline is the head's.
  private func hasLateHead() -> Bool {
    var isLate = false
    visit { request in
      let isDue = worker.record.clock.now >= request.record.stream.deadline
      if isDue && !request.record.stream.flags.contains(.hasHead) { isLate = true }
    }
    return isLate
  }

  private func abortLate() {
    record.session.terminate(HTTP2ErrorCode.enhanceYourCalm.rawValue)
    abort(.headTimeout)
  }
}
