import HTTP
import Platform
import PluginHost
import Synchronization

// Event-style exchanges. All hooks of the plugin are called from here, one at a time, never from inside a host
// function.

extension HTTPChannel {
  func openExchange(_ exchange: Exchange) {
    if request.record.usesPipe.load(ordering: .relaxed) {
      request.record.pipe.reset()
      request.record.usesPipe.store(false, ordering: .relaxed)
    }
    let status = exchange.runOpen()
    guard status >= 0 else {
      refuseOpened(exchange, status)
      return
    }
    // The pump that called this function sends what open() has queued.
  }

  /// Handles a refusal by open(). Parts that it sent before count as for handle(): after a head the response is cut
  /// off. Leases end before this returns, since close() is not called.
  @inline(never)
  private func refuseOpened(_ exchange: Exchange, _ status: Int32) {
    exchange.lockSending()
    let hasHead = exchange.record.response.hasHead
    let isOverdue = exchange.cancelled == .cancelled
    exchange.record.response.abort()
    exchange.unlockSending()
    takeOverOutput()
    if request.record.unsettled > 0 { releaseLent() }
    finishExchange(exchange, opened: false)
    // The client is gone, which may be why open() failed: there is nobody to respond to.
    if isBroken { return queue() }
    if let page = request.record.framer.page {
      refuseForPlugin(page)
    } else if hasHead {
      request.record.framer.abort(.handlerFailed)
      worker.record.slot.countRefusal(Int(Refusal.handlerFailed.rawValue))
      abort()
    } else if isOverdue {
      refuse(.requestTimeout)
    } else {
      refuse(status == CallStatus.cancelled.rawValue ? .handlerTimedOut : .handlerFailed)
    }
  }

  /// The plugin has given up its response before the head: the server responds.
  @inline(never)
  func refuseForPlugin(_ page: Refusal) {
    request.record.framer.restart()
    refuse(page)
  }

  /// Delivers due events; true if the exchange has ended.
  @inline(__always)
  func advanceEvents(_ exchange: Exchange) -> Bool {
    deliverSent(exchange)
    if request.record.responseEnded { return finishEvents(exchange) }
    if isHalfClosed && request.record.bodyEnded && worker.record.settings.abortsOnHalfClose { return clientHasLeft() }
    if worker.record.draining.stage != .serving && !request.record.drainNoticed {
      request.record.drainNoticed = true
      exchange.deliver(.draining)
    }
    if request.record.resumeDue && hasRoom() {
      request.record.resumeDue = false
      request.record.stream.refusedBytes = 0
      exchange.deliver(.resume)
    }
    return deliverBody(exchange)
  }

  /// Whether a plugin that was told to wait may continue.
  private func hasRoom() -> Bool {
    if queuedCount > worker.record.settings.highWater / 2 { return false }
    if queuedCount + request.record.stream.refusedBytes > worker.record.settings.outputLimit { return false }
    guard isCrowded else { return true }
    // A part that exceeds the stream's share waits for the connection. Any other continues when half of the share is
    // free.
    let wanted = max(request.record.stream.refusedBytes, Request.streamShare / 2)
    return queuedCount + wanted <= Request.streamShare
  }

  @inline(never)
  private func clientHasLeft() -> Bool {
    abortNow()
    return true
  }

  @inline(__always)
  private func deliverSent(_ exchange: Exchange) {
    while let tag = request.record.sentTags.pop() { exchange.deliver(.sent(tag: tag)) }
  }

  /// The response is complete: when no memory of the plugin is in use any more, close() is called and the request ends.
  @inline(__always)
  private func finishEvents(_ exchange: Exchange) -> Bool {
    if request.record.unsettled > 0 {
      deliverReleased(exchange)
      if request.record.unsettled > 0 { return isBroken }
    }
    // The thread that sent the last part may still be inside send(): close() is called after that.
    exchange.waitForSender()
    finishExchange(exchange, opened: true)
    if let page = request.record.framer.page { refuseForPlugin(page) } else { finish() }
    return true
  }

  @inline(never)
  private func deliverReleased(_ exchange: Exchange) {
    flush()
    deliverSent(exchange)
  }

  /// Delivers one event for each credit, as long as there are bytes.
  @inline(never)
  private func deliverBody(_ exchange: Exchange) -> Bool {
    if let socket = exchange.openWebSocket { return advanceWebSocket(exchange, socket) }
    var budget = RequestBody.bytesPerTurn
    while exchange.record.credit.load(ordering: .acquiring) > 0,
      !exchange.record.bodyDelivered.load(ordering: .relaxed), !request.record.responseEnded
    {
      guard budget > 0 else {
        // Other connections get their turn.
        queue()
        return false
      }
      sendContinueIfDue()
      switch nextBody(limit: worker.record.settings.highWater) {
      case .bytes(let bytes):
        openWindow(by: bytes.count)
        budget -= bytes.count
        request.record.bodyProgress.moved(bytes.count, worker.record.clock.now)
        expectReading()
        // The end of a chunked body is known only after its last bytes.
        deliver(bytes, exchange, more: !request.record.bodyEnded)
      case .end: deliver(.empty, exchange, more: false)
      case .wait:
        awaitBody()
        return false
      case .refused(let refusal):
        refuseExchange(exchange, refusal)
        return true
      case .gone:
        worker.note(.truncatedBody, request)
        return clientHasLeft()
      }
      pauseBodyDeadline()
      deliverSent(exchange)
      if isBroken { return true }
    }
    if request.record.responseEnded { return true }
    return false
  }

  private func deliver(_ bytes: Bytes, _ exchange: Exchange, more: Bool) {
    exchange.record.credit.subtract(1, ordering: .acquiringAndReleasing)
    let trailers = exchange.record.requestTrailers
    if !more { exchange.record.bodyDelivered.store(true, ordering: .releasing) }
    exchange.deliverBody(bytes, more: more, trailersFollow: !more && trailers.count > 0)
    if !more && trailers.count > 0 && !request.record.responseEnded { exchange.deliverTrailers(trailers) }
  }

  /// The plugin waits for body bytes: watches the client's pace.
  func awaitBody() {
    if !request.record.awaitsBody {
      request.record.awaitsBody = true
      request.record.bodyProgress.resume(worker.record.clock.now)
    }
    superviseBody()
  }

  func pauseBodyDeadline() {
    guard request.record.awaitsBody else { return }
    request.record.awaitsBody = false
    request.record.bodyProgress.pause(worker.record.clock.now)
  }
}
