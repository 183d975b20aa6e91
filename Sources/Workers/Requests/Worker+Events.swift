import HTTP
import Platform
import PluginHost
import Synchronization

// Event-style exchanges: all calls of the plugin's hooks come from here, one at a time, never from inside a host function.

extension Worker {
  func openExchange(_ request: Request, _ exchange: Exchange) {
    if request.record.usesLane.load(ordering: .relaxed) {
      request.record.lane.reset()
      request.record.usesLane.store(false, ordering: .relaxed)
    }
    guard exchange.runOpen() else {
      refuseOpened(request, exchange)
      return
    }
    // Whatever open() sent is seen by the pump that called us.
  }

  /// open() has refused. What it sent before counts as it does for handle(): after a head the answer is cut off. What it
  /// lends is its own again before this returns, since there is no close().
  @inline(never)
  private func refuseOpened(_ request: Request, _ exchange: Exchange) {
    exchange.claim()
    let hasHead = exchange.record.response.hasHead
    exchange.record.response.abandon()
    exchange.releaseClaim()
    takeOverOutput(request)
    if request.record.unsettled > 0 { giveBackLent(request) }
    end(exchange, of: request, opened: false)
    if hasHead {
      request.record.answer.abort(.handlerFailed)
      record.slot.countRefusal(Int(Refusal.handlerFailed.rawValue))
      cut(request)
    } else {
      refuse(request, .handlerFailed)
    }
  }

  /// Delivers what there is to deliver; true if the exchange has ended.
  @inline(__always)
  func advanceEvents(_ request: Request, _ exchange: Exchange) -> Bool {
    let connection = request.record.connection
    deliverSent(request, exchange)
    if request.record.answered { return endEvents(request, exchange) }
    if !request.isStream && connection.record.flags.contains(.peerClosed) && request.record.bodyEnded {
      // A close and a half-close look alike; as in most servers of this style, the client counts as gone.
      return clientLeft(request)
    }
    if record.drain != .serving && !request.record.drainNoticed {
      request.record.drainNoticed = true
      exchange.deliver(.draining)
    }
    if request.record.resumeDue && hasRoom(request) {
      request.record.resumeDue = false
      request.record.stream.refusedBytes = 0
      exchange.deliver(.resume)
    }
    return deliverBody(request, exchange)
  }

  /// Whether a plugin that was told to wait may go on.
  private func hasRoom(_ request: Request) -> Bool {
    if request.queuedCount > record.settings.highWater / 2 { return false }
    if request.queuedCount + request.record.stream.refusedBytes > record.settings.outputLimit { return false }
    guard request.isCrowded else { return true }
    // What needs more than the stream's share waits for the connection; anything else goes on by halves of it.
    let wanted = max(request.record.stream.refusedBytes, Request.streamShare / 2)
    return request.queuedCount + wanted <= Request.streamShare
  }

  @inline(never)
  private func clientLeft(_ request: Request) -> Bool {
    breakOff(request)
    return true
  }

  /// Nobody waits for the answer any more.
  func breakOff(_ request: Request) {
    if request.isStream {
      reset(stream: request, .internalError)
      request.record.stream.flags.insert(.closed)
    } else {
      request.record.connection.record.flags.insert(.broken)
    }
  }

  @inline(__always)
  private func deliverSent(_ request: Request, _ exchange: Exchange) {
    while let tag = request.record.sentTags.pop() { exchange.deliver(.sent(tag: tag)) }
  }

  /// The answer is complete: once nothing of the plugin's is in use any more, close() and the next request.
  @inline(__always)
  private func endEvents(_ request: Request, _ exchange: Exchange) -> Bool {
    if request.record.unsettled > 0 {
      deliverSettled(request, exchange)
      if request.record.unsettled > 0 { return request.isBroken }
    }
    // The thread that sent the last of it may still be inside send(): close() comes after.
    exchange.awaitHolder()
    end(exchange, of: request, opened: true)
    endRequest(request)
    return true
  }

  @inline(never)
  private func deliverSettled(_ request: Request, _ exchange: Exchange) {
    flush(request)
    deliverSent(request, exchange)
  }

  /// One event for one credit, as far as bytes have come.
  @inline(never)
  private func deliverBody(_ request: Request, _ exchange: Exchange) -> Bool {
    var budget = Worker.bodyPerTurn
    while exchange.record.credit.load(ordering: .acquiring) > 0,
      !exchange.record.bodyDelivered.load(ordering: .relaxed), !request.record.answered
    {
      guard budget > 0 else {
        // It is the others' turn.
        queue(request)
        return false
      }
      sendContinueIfDue(request)
      switch nextBody(request, limit: record.settings.highWater) {
      case .bytes(let bytes):
        budget -= bytes.count
        request.record.bodyProgress.moved(bytes.count, record.now)
        // A chunked body's end is known only behind its last bytes.
        deliver(bytes, request, exchange, more: !request.record.bodyEnded)
      case .end: deliver(.empty, request, exchange, more: false)
      case .wait:
        awaitBody(request)
        return false
      case .refused(let refusal):
        cancelExchange(request, exchange, refusal)
        return true
      case .gone:
        note(.truncatedBody, request)
        return clientLeft(request)
      }
      stopAwaitingBody(request)
      deliverSent(request, exchange)
      if request.isBroken { return true }
    }
    if request.record.answered { return true }
    return false
  }

  private func deliver(_ bytes: Bytes, _ request: Request, _ exchange: Exchange, more: Bool) {
    exchange.record.credit.subtract(1, ordering: .acquiringAndReleasing)
    let trailers = exchange.record.requestTrailers
    if !more { exchange.record.bodyDelivered.store(true, ordering: .releasing) }
    exchange.deliverBody(bytes, more: more, trailersFollow: !more && trailers.count > 0)
    if !more && trailers.count > 0 && !request.record.answered { exchange.deliverTrailers(trailers) }
  }

  /// The plugin waits for body bytes: the client's pace is watched.
  func awaitBody(_ request: Request) {
    if !request.record.awaitsBody {
      request.record.awaitsBody = true
      request.record.bodyProgress.resume(record.now)
    }
    watchBody(request)
  }

  func stopAwaitingBody(_ request: Request) {
    guard request.record.awaitsBody else { return }
    request.record.awaitsBody = false
    request.record.bodyProgress.pause(record.now)
  }
}
