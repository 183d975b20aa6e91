import HTTP
import Platform
import PluginHost

// The end of `server.graceful_timeout`: what is not answered by then is refused, and what a handler does not give back is
// left behind. A tenth of the time, three seconds at most, is the plugins' own for worker_stop; the requests have the rest,
// and half of that tenth to be cut.

extension Worker {
  /// How much of the time is not the requests'.
  private static func share(of timeout: UInt64) -> UInt64 { min(timeout / 10, 3 * Clock.nanosecondsPerSecond) }

  /// Requests that are cut by then end as requests, those that are left end with their connections.
  static func requestsDeadline(leaveBy: UInt64, _ timeout: UInt64) -> UInt64 { leaveBy &- share(of: timeout) }
  static func lastRequestsDeadline(leaveBy: UInt64, _ timeout: UInt64) -> UInt64 { leaveBy &- share(of: timeout) / 2 }

  /// The worker drains: the master has said by when it is to be gone, and counts from when it said so.
  func setDrainDeadlines() {
    let (own, masters) = (record.now &+ record.gracefulTimeout, record.slot.leaveBy)
    record.drainDeadline = masters == 0 ? own : min(own, masters)
    record.requestsDeadline = Worker.requestsDeadline(leaveBy: record.drainDeadline, record.gracefulTimeout)
  }

  var lastRequestsDeadline: UInt64 {
    Worker.lastRequestsDeadline(leaveBy: record.drainDeadline, record.gracefulTimeout)
  }

  var nextDrainMoment: UInt64 { record.hasCutRequests ? lastRequestsDeadline : record.requestsDeadline }

  /// Threads that are still in a handler are waited for so long.
  var threadsDeadline: UInt64 {
    let now = Clock.monotonic()
    if record.drain == .stopping { return now &+ 200 * Clock.nanosecondsPerMillisecond }
    return max(now &+ 20 * Clock.nanosecondsPerMillisecond, lastRequestsDeadline)
  }

  @inline(__always)
  func cutLateRequests() {
    if record.drain == .draining && !record.hasCutRequests && record.now >= record.requestsDeadline {
      cutRequests(.gracefulTimeout)
    }
  }

  /// Every request that has not ended is refused, or cut off where its response has begun.
  @inline(never)
  func cutRequests(_ refusal: Refusal) {
    record.hasCutRequests = true
    record.table.visit { connection in
      let isMade = [.idle, .closing, .discarding].contains(connection.record.phase)
      if isMade && !connection.record.output.isEmpty { connection.record.flags.insert(.unsent) }
      switch connection.record.phase {
      case .idle where !connection.record.output.isEmpty: startClosing(connection)
      case .discarding:
        tellUnsent(connection)
        close(connection)
      case .idle, .proxyHeader, .handshake: close(connection)
      case .head: refuse(connection, refusal)
      case .exchange: if let request = connection.record.request { cut(request, refusal) }
      case .lent: if let request = connection.record.request { cut(lent: request, refusal) }
      case .http2: connection.record.http2?.visit { cut($0, refusal) }
      case .free, .closing, .lingering: return
      }
      if connection.record.phase != .free && connection.record.phase != .lent { pump(connection) }
    }
    record.cutBell.wake()
  }

  /// What clients have not taken of responses that were made before is lost with their connections.
  func tellUnsent(_ connection: Connection) {
    let unsent = connection.record.output.total
    guard unsent > 0, connection.record.flags.contains(.unsent) else { return }
    let refusal: Refusal = record.drain == .stopping ? .serverStopped : .gracefulTimeout
    record.slot.countRefusal(Int(refusal.rawValue))
    record.log.error("answer cut off to \(peer(of: connection)): \(refusal.reason), \(unsent) bytes of it are not sent")
  }

  private func cut(_ request: Request, _ refusal: Refusal) {
    guard let exchange = request.record.exchange, !request.record.isRefused else { return }
    cancelExchange(request, exchange, refusal)
  }

  /// A thread has the connection. It is told, and its client as well if nothing of the response is out.
  private func cut(lent request: Request, _ refusal: Refusal) {
    let connection = request.record.connection
    if connection.record.loan.notice() { return takeBack(request) }
    guard let exchange = request.record.exchange else { return }
    exchange.cancel(.cancelled)
    // A thread that is sending, or reads, sees that the request is cancelled: see `cutBell`.
    guard !request.record.isSending.exchange(true, ordering: .acquiring) else { return }
    // What a handler leaves unfinished is told when it has returned, or is left behind.
    guard !request.record.headIsOut && !request.record.hasSpool else {
      return request.record.isSending.store(false, ordering: .releasing)
    }
    // From here on the connection is the loop's: the thread finds that somebody else is sending, for good.
    connection.record.output.discard(&record.thread.record.pool)
    request.record.answer = AnswerFraming()
    request.record.isRefused = true
    refuseForHandler(request, refusal)
    _ = connection.flushOutput(&record.thread.record.pool)
    account(request)
  }
}
