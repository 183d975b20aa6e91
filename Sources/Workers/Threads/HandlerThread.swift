import HTTP
import Platform
import PluginHost
import Synchronization

/// A pool thread's work on a request: runs the handler, and returns the request to the loop.
enum HandlerThread {
  /// [request-thread]
  static func run(_ request: Request, _ thread: WorkerThread, _ pool: ThreadPool) {
    guard let exchange = request.record.exchange else { return }
    let worker = Worker.current
    let now = Clock.monotonic()
    worker.record.slot.countDequeued()
    pool.tellRoom()
    worker.record.slot.queueTime.recordShared(now &- request.record.queuedAt)
    thread.record.cells?.begin(request.record.flight, now)
    // Skip requests cancelled while queued.
    let succeeded = exchange.cancelled == nil ? unsafe exchange.runHandler(thread[exchange.record.plugin]) : false
    thread.record.cells?.end()
    if pool.countsTurns(of: request) { pool.endTurn(request) }
    request.visitChannel(
      worker, http1: { $0.handBack(exchange, succeeded: succeeded) },
      http2: { $0.handBack(exchange, succeeded: succeeded) })
  }
}

extension HTTPChannel {
  /// [loop] Queues the request for a thread.
  func handOff() {
    guard let pool = worker.record.pool else { return }
    request.record.isHandedOff = true
    request.record.queuedAt = worker.record.clock.now
    willHandOff()
    worker.record.slot.add(.queued)
    pool.submit(request)
  }

  /// [request-thread] The handler has returned. Wakes the loop only if it has something to do now.
  fileprivate func handBack(_ exchange: Exchange, succeeded: Bool) {
    let pipe = request.record.pipe
    pipe.monitor.lock()
    let isSettled = Self.returnsSilently && succeeded && isSettled(exchange)
    if isSettled { worker.account(request) }
    pipe.handlerDone = true
    pipe.handlerSucceeded = succeeded
    let isSilent = isSettled && !request.record.connection.record.handoff.handBack()
    let wakes = !isSilent && worker.record.mailbox.add(request)
    // The loop may end the request as soon as the pipe is unlocked, so nothing of the request is used after that.
    pipe.monitor.unlock()
    if wakes { worker.record.runtime.record.wake.wake() }
  }

  /// [request-thread] With the pipe locked: whether the response needs nothing more from the loop and the connection is
  /// kept.
  private func isSettled(_ exchange: Exchange) -> Bool {
    // The loop may itself be responding to a cancelled request.
    guard exchange.cancelled == nil, !request.record.framer.followsDeparture, !exchange.hasRequestBody,
      !request.record.framer.closes, request.record.keepAlive == .yes, !worker.isDraining,
      request.record.pendingRefusal == nil
    else { return false }
    switch request.record.mode {
    case .handedOff:
      let connection = request.record.connection
      return connection.record.output.isEmpty && !connection.record.flags.contains(.broken)
    default: return request.record.pipe.output.isEmpty && !request.record.pipe.loopHasOutput
    }
  }
}

extension Request {
  /// [loop] Whether a thread has, or will get, the request.
  var isHandled: Bool {
    guard record.isHandedOff else { return false }
    let pipe = record.pipe
    pipe.monitor.lock()
    defer { pipe.monitor.unlock() }
    return !pipe.handlerDone
  }
}
