import HTTP
import Platform
import PluginHost

/// A connection that speaks HTTP/1, or whose protocol is not yet known.
struct HTTP1Connection {
  let worker: Worker
  let connection: Connection

  @inline(__always)
  init(_ worker: Worker, _ connection: Connection) {
    self.worker = worker
    self.connection = connection
  }

  /// The current request.
  @inline(__always)
  var channel: HTTP1Channel? {
    guard let request = connection.record.request else { return nil }
    return HTTP1Channel(worker, request)
  }

  /// Advances the exchange; true if the connection is in another phase now.
  @inline(__always)
  func advanceExchange() -> Bool {
    guard let channel, let exchange = channel.request.record.exchange else { return false }
    return channel.advanceExchange(exchange)
  }

  /// Waits for the next request, which may have come already.
  @inline(__always)
  func nextRequest() {
    var idleSince = worker.record.clock.now
    if let request = connection.record.request {
      connection.record.request = nil
      worker.account(request)
      // A thread may have returned the request some time ago without a wake-up.
      idleSince = request.record.ended
      worker.record.requests.close(request)
    }
    if let body = connection.record.body {
      // Bytes behind the body in its buffer belong to the next request.
      if let input = connection.record.input { worker.record.thread.record.pool.give(input) }
      connection.record.input = body
      connection.record.body = nil
    }
    if let input = connection.record.input, input.unreadCount == 0 {
      worker.record.thread.record.pool.give(input)
      connection.record.input = nil
    }
    connection.move(.requestOver)
    driver.setDeadline(idleSince &+ worker.record.settings.timeouts.keepalive)
  }

  // MARK: Output

  /// Whether the client has read enough of earlier responses; files count like memory.
  @inline(__always)
  var hasDrainedOutput: Bool {
    connection.record.output.isEmpty
      || connection.record.output.total <= UInt64(truncatingIfNeeded: worker.record.settings.highWater)
  }

  /// Sends queued output, and releases leases of segments that are done.
  func flush() {
    driver.transmitOutlined()
    releaseLeases()
  }

  func releaseLeases() { worker.releaseLeases(of: connection) }
}
