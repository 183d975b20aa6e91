import HTTP
import Platform
import PluginHost

// Cutting requests when `server.graceful_timeout` ends, or when the worker has to exit now.

extension Worker {
  /// Runs in each turn of a draining worker.
  @inline(never)
  func advanceDrain() {
    let slot = record.slot
    let length = record.draining.awake(
      record.clock.now, begun: record.recycling.begun, hasMaster: slot.exitDeadline != 0)
    if length > 0 {
      record.log.warning(
        "stood still for \(length / Clock.nanosecondsPerMillisecond) ms: server.graceful_timeout is so much longer")
    }
    // The turn first: the master notes it after it has postponed the exit.
    let masterTurn = slot.masterTurn
    record.draining.update(
      leaveBy: slot.exitDeadline, masterTurn: masterTurn, standstill: record.handler.found.standstill)
    if record.draining.isCutDue(record.clock.now) { cutRequests(.gracefulTimeout) }
    record.draining.plan(
      Clock.monotonic(), turnBegan: record.clock.now, begun: record.recycling.begun, hasMaster: slot.exitDeadline != 0)
  }

  /// Refuses every request that has not ended, or cuts its response off if that has begun.
  @inline(never)
  func cutRequests(_ refusal: Refusal) {
    record.draining.cut()
    record.table.visit { connection in
      let isMade = [.idle, .sending, .closing, .discarding].contains(connection.record.phase)
      if isMade && !connection.record.output.isEmpty { connection.record.flags.insert(.unsent) }
      let http1 = HTTP1Connection(self, connection)
      switch CutAction(connection.record.phase, hasOutput: !connection.record.output.isEmpty) {
      case .none: return
      case .close: driver(connection).close()
      case .finish: driver(connection).finish()
      case .serveNoMore:
        connection.record.request?.record.keepAlive = .no
        return
      case .abortUnreadBody: http1.abortUnreadBody()
      case .refuse: http1.refuse(refusal)
      case .refuseExchange: http1.channel?.refuseUnfinished(refusal)
      case .refuseHandedOff: http1.channel?.refuseHandedOff(refusal)
      case .refuseStreams: connection.record.http2?.visit { HTTP2Channel(self, $0).refuseUnfinished(refusal) }
      }
      if connection.record.phase.isOnLoop { driver(connection).pumpOutlined() }
    }
    record.draining.cutWake.wake()
  }

  /// Logs responses of earlier requests that are lost because the client has not read them.
  func logUnsent(_ connection: Connection) {
    let unsent = connection.record.output.total
    guard unsent > 0, connection.record.flags.contains(.unsent) else { return }
    let refusal = record.draining.refusal
    record.slot.countRefusal(Int(refusal.rawValue))
    record.log.error("answer cut off to \(peer(of: connection)): \(refusal.reason), \(unsent) bytes of it are not sent")
  }

}

extension HTTPChannel {
  fileprivate func refuseUnfinished(_ refusal: Refusal) {
    guard let exchange = request.record.exchange, !request.record.isRefused else { return }
    refuseExchange(exchange, refusal)
  }
}

extension HTTP1Channel {
  /// Tells the thread that owns the connection. If no part of the response has been sent, the client gets a refusal.
  fileprivate func refuseHandedOff(_ refusal: Refusal) {
    if connection.record.handoff.notifyOnReturn() { return reclaim() }
    guard let exchange = request.record.exchange else { return }
    exchange.cancel(.cancelled)
    // A thread that is sending or reading notices that the request is cancelled: see `cutWake`.
    guard !request.record.isSending.exchange(true, ordering: .acquiring) else { return }
    // A response that the handler leaves incomplete is handled when the handler has returned or is abandoned.
    guard !request.record.headIsOut && !request.record.hasSpool.load(ordering: .relaxed) else {
      return request.record.isSending.store(false, ordering: .releasing)
    }
    // The loop owns the connection from here on: the thread finds `isSending` set and sends nothing more.
    connection.record.output.discard(&worker.record.thread.record.pool)
    request.record.framer = ResponseFramer()
    request.record.isRefused = true
    refuseInHandlersPlace(refusal)
    _ = connection.flushOutput(&worker.record.thread.record.pool)
    worker.account(request)
  }
}
