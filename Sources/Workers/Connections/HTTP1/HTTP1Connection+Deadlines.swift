import HTTP
import PluginHost

// Deadlines of a connection that waits for a request, or for its head.

extension HTTP1Connection {
  /// Handles the deadline of an idle connection. It closes without a response, also if it has had no request: clients
  /// expect that.
  func expireIdle(_ phaseDeadline: UInt64) {
    if driver.outputIsLate() {
      connection.record.flags.insert(.broken)
    } else if connection.record.output.isEmpty {
      // A request may have been waiting for the output.
      if !connection.record.flags.isDisjoint(with: [.waitsForOutput, .readable]) {
        connection.record.flags.remove(.waitsForOutput)
        driver.setDeadline(worker.record.clock.now &+ worker.record.settings.timeouts.keepalive)
        return driver.queue()
      }
      if worker.record.clock.now >= phaseDeadline {
        driver.finish()
      } else {
        driver.setDeadline(phaseDeadline)
      }
    }
  }

  /// Handles the deadline of a head: either it is late, or the client does not read earlier responses.
  func expireHead(_ phaseDeadline: UInt64) {
    if driver.outputIsLate() {
      connection.record.flags.insert(.broken)
    } else if worker.record.clock.now >= phaseDeadline {
      refuse(.headTimeout)
    } else {
      driver.lowerDeadline(phaseDeadline)
    }
  }
}
