import HTTP
import Platform
import PluginHost
import Synchronization

// Blocking exchanges: on the loop's thread under sync, on a thread of the pool under gthread and async.

extension HTTPChannel {
  func startHandler(_ exchange: Exchange) {
    request.record.hasMarks = true
    switch request.record.mode {
    case .piped:
      openPipe()
      handOff()
    case .handedOff: openPipe()  // the body is gathered first
    case .inPlace where worker.record.handler.isCut:
      finishExchange(exchange, opened: false)
      refuse(worker.leavesNow ? .serverStopped : .gracefulTimeout)
    case .inPlace:
      let succeeded = worker.record.handler.run(request) {
        unsafe exchange.runHandler(worker.record.thread[exchange.record.plugin])
      }
      worker.updateClock()
      finishHandler(exchange, succeeded: succeeded)
    case .events: break
    }
  }

  private func openPipe() {
    request.record.pipe.reset(after: queuedCount, hasOutput: hasQueuedOutput)
    request.record.usesPipe.store(true, ordering: .relaxed)
  }

  /// handle() has returned: ends the exchange, and responds if the plugin has not.
  func finishHandler(_ exchange: Exchange, succeeded: Bool) {
    if succeeded && !request.record.framer.isAborted { request.record.responseEnded = true }
    noteLoss(exchange, succeeded: succeeded)
    // A handler that fails because its client has left is not logged.
    let clientLeft = exchange.cancelled == .closed || exchange.isPeerClosed
    let isCut = !succeeded || request.record.framer.isAborted
    if isCut, exchange.cancelled == .cancelled, request.record.pendingRefusal == nil,
      worker.record.clock.now >= worker.requestDeadline(request)
    {
      request.record.pendingRefusal = .requestTimeout
    }
    if isCut, exchange.cancelled == .cancelled, worker.isCutting,
      worker.record.draining.hasCutRequests || request.record.pendingRefusal == nil
    {
      request.record.pendingRefusal = worker.leavesNow || worker.isOverdue ? .serverStopped : .gracefulTimeout
    }
    finishExchange(exchange, opened: false)
    if isBroken {
      // The handler's thread has already ended the connection.
      if isCut, !request.record.isRefused, let refusal = request.record.pendingRefusal, refusal.outcome == .cancelled {
        worker.note(refusal, request)
      }
      return
    }
    if request.record.isRefused { return finishRefused() }
    if let page = request.record.framer.page {
      refuseForPlugin(request.record.pendingRefusal ?? page)
    } else if succeeded {
      // The handler has responded, or begun to, although the request's body was refused.
      if let refusal = request.record.pendingRefusal { worker.note(refusal, request) }
      finish()
    } else if let refusal = request.record.pendingRefusal {
      refuse(refusal)
    } else if clientLeft || request.record.framer.isAborted {
      abortNow()
    } else {
      refuse(.handlerFailed)
    }
  }
}
