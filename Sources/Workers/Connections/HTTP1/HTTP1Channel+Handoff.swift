import HTTP
import Platform
import PluginHost

// Blocking exchanges under gthread. The loop gathers the head and as much of the body as the pipe holds. Then it hands
// the connection off to a thread of the pool until the response is complete. A slow client occupies no thread before
// that.

extension HTTP1Channel {
  /// Gathers the body; true if a thread owns the connection now, or it is in another phase.
  @inline(never)
  func advanceHandoff(_ exchange: Exchange) -> Bool {
    let head = request.record.parser.head
    if !head.traits.contains(.expectsContinue) && !request.record.bodyEnded { feedPipe(exchange) }
    if let refusal = request.record.pendingRefusal {
      finishExchange(exchange, opened: false)
      refuse(refusal)
      return true
    }
    let waitsForBody = request.record.awaitsBody && !request.record.bodyEnded
    if waitsForBody { return false }
    // Earlier responses of the loop that the client has not read are sent first. Otherwise bytes that the thread sends
    // at once, such as a 100, would end up among them.
    driver.transmitOutlined()
    guard connection.record.output.isEmpty else { return connection.record.flags.contains(.broken) }
    handOffConnection()
    return true
  }

  private func handOffConnection() {
    pauseBodyDeadline()
    connection.move(.handedOff)
    handOff()
  }

  /// Continues with a connection that its thread has returned.
  func reclaim() {
    guard let exchange = request.record.exchange else { return }
    let pipe = request.record.pipe
    pipe.monitor.lock()
    let (done, succeeded) = (pipe.handlerDone, pipe.handlerSucceeded)
    pipe.monitor.unlock()
    guard done else { return }
    connection.move(.returned)
    driver.noteReadiness(connection.record.missed)
    connection.record.missed = []
    if connection.record.tls != nil {
      // TLS may have buffered more than the thread read, and no edge reports that.
      connection.record.flags.subtract(.crossed)
      connection.record.flags.formUnion([.readable, .writable])
    }
    finishHandler(exchange, succeeded: succeeded)
    queue()
  }

  /// Prepares a handoff: the thread may return the connection without a wake-up.
  func willHandOff() {
    connection.record.handoff.begin(
      notifies: connection.record.flags.contains(.readable) || (connection.source?.unreadCount ?? 0) > 0)
    // The loop then has to watch the keep-alive timeout itself.
    setDeadline(
      min(connection.record.deadline, worker.record.clock.now &+ worker.record.settings.timeouts.keepalive))
  }

  var isReturned: Bool { request.record.isHandedOff && connection.record.handoff.isReturned }
}

extension HTTP1Connection {
  /// Handles the connection's deadline: the thread may have returned the request long ago.
  func expireHandoff() {
    if connection.record.handoff.isReturned, let channel {
      channel.reclaim()
    } else {
      driver.setDeadline(worker.record.clock.now &+ worker.record.settings.timeouts.keepalive)
    }
  }

  /// Makes the thread wake the loop when it returns the request; reclaims the connection if that has happened.
  func notifyOnReturn() {
    let isBack = connection.record.handoff.notifyOnReturn()
    if connection.record.phase == .ownedByThread {
      if isBack { channel?.reclaim() }
    } else {
      driver.queue()
    }
  }
}
