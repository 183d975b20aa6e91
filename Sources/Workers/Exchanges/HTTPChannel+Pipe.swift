import HTTP
import Platform
import PluginHost

// A handler on a thread of the pool while the loop owns the connection: feeding its pipe, and taking over its output.

extension HTTPChannel {
  /// Feeds the handler's pipe; true if the exchange has ended.
  @inline(never)
  func advancePiped(_ exchange: Exchange) -> Bool {
    let pipe = request.record.pipe
    pipe.monitor.lock()
    let (done, succeeded, wantsContinue) = (pipe.handlerDone, pipe.handlerSucceeded, pipe.readerWaits)
    let read = pipe.readBytes
    let isRead = pipe.isRead
    pipe.readBytes = 0
    pipe.monitor.unlock()
    if isRead { expectReading() }
    if done {
      takeOverOutput()
      finishHandler(exchange, succeeded: succeeded)
      return true
    }
    if isHalfClosed && request.record.bodyEnded {
      worker.notePeerClosed(of: request, .halfClosed)
    }
    if read > 0 { openWindow(by: read) }
    if wantsContinue { sendContinueIfDue() }
    let expects = request.head.traits.contains(.expectsContinue)
    if !expects || request.record.continueSent { feedPipe(exchange) }
    return false
  }

  func feedPipe(_ exchange: Exchange) {
    let pipe = request.record.pipe
    var budget = RequestBody.bytesPerTurn
    while true {
      guard budget > 0 else { return queue() }
      pipe.monitor.lock()
      let room = pipe.body.room
      let closed = pipe.body.ended
      pipe.monitor.unlock()
      if closed { return }
      guard room > 0 else {
        // The body waits for the handler, not for the client.
        pauseBodyDeadline()
        return
      }
      let step = nextBody(limit: room)
      pipe.monitor.lock()
      switch step {
      case .bytes(let bytes):
        if pipe.body.isUnmade { worker.record.requests.noteRing() }
        pipe.body.put(bytes)
        budget -= bytes.count
        request.record.bodyProgress.moved(bytes.count, worker.record.clock.now)
        pauseBodyDeadline()
      case .end: pipe.body.ended = true
      case .wait: break
      case .refused(let refusal):
        request.record.pendingRefusal = refusal
        pipe.body.fail(refusal == .bodyTooLarge ? .limit : .closed)
      case .gone: pipe.body.fail(.closed)
      }
      pipe.monitor.broadcast()
      pipe.monitor.unlock()
      switch step {
      case .bytes: continue
      case .wait:
        awaitBody()
        return
      case .gone:
        // A client that has the whole response may reset the stream without fault.
        if !request.record.stream.flags.contains(.framed) { request.record.pendingRefusal = .truncatedBody }
        return
      case .end, .refused: return
      }
    }
  }
}

extension BodyPipe {
  mutating func fail(_ why: CallStatus) {
    ended = true
    failure = why
  }
}
