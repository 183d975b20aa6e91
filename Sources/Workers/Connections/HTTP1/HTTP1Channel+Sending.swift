import HTTP
import Platform
import PluginHost

// Complete responses that their clients have not yet read. The request ends when the last byte is sent, or the
// connection fails.

extension HTTP1Channel {
  /// Up to this size a response counts as sent when it is queued: it can share a system call with the next.
  private static let joined: UInt64 = 16 << 10

  /// Whether much of the response has yet to be sent.
  @inline(__always)
  func mayBeUnsent() -> Bool {
    connection.record.output.total > Self.joined || request.record.hasSpool.load(ordering: .relaxed)
  }

  /// The plugin is done with the request. The response is sent under `timeouts.request`, `timeouts.write` and
  /// `limits.min_rate`.
  @inline(never)
  func sendRest() {
    driver.transmitOutlined()
    if connection.record.output.isEmpty && !connection.record.flags.contains(.broken) { return finishSent() }
    connection.move(.responseQueued)
    // A crash from now on is not attributed to this request.
    worker.record.thread.record.cells?.flight = nil
    driver.setDeadline(worker.requestDeadline(request))
  }
}

extension HTTP1Connection {
  /// True if all of the response has been sent, or the connection is broken.
  @inline(never)
  func finishSending() -> Bool {
    flush()
    if connection.record.flags.contains(.broken) { return true }
    guard connection.record.output.isEmpty, let channel else { return false }
    channel.finishSent()
    return true
  }

  /// Handles the deadline: the client reads too slowly, or `timeouts.request` has passed.
  func expireSending(_ phaseDeadline: UInt64) {
    let isLate = driver.outputIsLate()
    if connection.record.output.isEmpty || connection.record.flags.contains(.broken) { return }
    guard isLate || worker.record.clock.now >= phaseDeadline else { return driver.lowerDeadline(phaseDeadline) }
    if !isLate, let request = connection.record.request {
      request.record.framer.abort(.cancelled)
      worker.note(.requestTimeout, request)
      connection.record.failure = .cancelled
    }
    connection.record.flags.insert(.broken)
  }
}
