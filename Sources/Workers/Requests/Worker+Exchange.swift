import HTTP
import Platform
import PluginHost
import Synchronization

// What all exchanges have in common on the loop: advancing, giving up, ending.

extension Worker {
  /// Moves the exchange of `connection` on; true if the connection is in another phase now.
  func advanceExchange(_ connection: Connection) -> Bool {
    guard let request = connection.record.request, let exchange = request.record.exchange else { return false }
    turn(to: request)
    if !exchange.record.isBlocking { return advanceEvents(request, exchange) }
    return record.settings.model.isGthread
      ? advanceLending(request, exchange) : advanceQueued(request, exchange)
  }

  /// The exchange is of no use any more: the plugin learns why, and it ends.
  ///
  /// - Returns: false if a handler's thread has it still; the end follows when that has returned.
  func giveUp(_ request: Request, _ why: Outcome) -> Bool {
    guard let exchange = request.record.exchange else { return true }
    if exchange.record.isBlocking {
      exchange.cancel(why)
      request.record.lane.close()
      // A handler that waits for a file of its answer gets it back.
      if request.isStream { discardOutput(request) }
      if isHandled(request) { return false }
      end(exchange, of: request, opened: false)
      return true
    }
    // A thread that is inside send() finishes first: what it queued is taken over, and nothing comes after.
    exchange.claim()
    exchange.cancel(why)
    exchange.releaseClaim()
    takeOverOutput(request)
    discardOutput(request)
    if !request.record.answered { exchange.deliver(.disconnect(exchange.cancelled ?? why)) }
    end(exchange, of: request, opened: true)
    return true
  }

  /// The last of an exchange: its timers are told, then close(), then its handle is stale.
  func end(_ exchange: Exchange, of request: Request, opened: Bool) {
    if exchange.refuseCallbacks() {
      let callbacks = record.runtime.record.callbacks
      while let call = callbacks.take(of: exchange) { call.perform() }
    }
    if opened { exchange.runClose() }
    record.runtime.record.exchanges.close(exchange)
    request.record.exchange = nil
  }

  /// A deadline has passed while a plugin has the request.
  func expireExchange(_ request: Request, _ exchange: Exchange) {
    if request.record.isRefused { return setDeadline(of: request, .max) }
    // A thread has given it back without a word: the pump that follows goes on.
    if request.record.isHandedOver && !request.isStream && request.record.connection.record.loan.isReturned { return }
    if record.now >= requestDeadline(request) {
      cancelExchange(request, exchange, .requestTimeout)
    } else if request.record.awaitsBody {
      let verdict = request.record.bodyProgress.judge(
        record.now, timeout: record.settings.timeouts.body, rate: record.settings.minRate)
      if case .fine(let moment) = verdict {
        setDeadline(of: request, min(moment, requestDeadline(request)))
      } else {
        cancelExchange(request, exchange, verdict.refusal)
      }
    } else if request.record.isHandedOver && !request.isStream {
      setDeadline(
        request.record.connection, min(requestDeadline(request), record.now &+ record.settings.timeouts.keepalive))
    } else {
      setDeadline(of: request, requestDeadline(request))
    }
  }

  /// The plugin is told that the answer is not wanted any more, and the client gets the server's own, if none has begun.
  func cancelExchange(_ request: Request, _ exchange: Exchange, _ refusal: Refusal) {
    let why = refusal.outcome
    if exchange.record.isBlocking && record.settings.model.isGthread && !request.isStream {
      // Its body was being gathered: no thread has seen it.
      end(exchange, of: request, opened: false)
      refuse(request, refusal)
      return
    }
    if exchange.record.isBlocking {
      request.record.pendingRefusal = refusal
      exchange.cancel(why)
      if answerForHandler(request, refusal) { return }
      takeBackFile(request)
      request.record.lane.wakeHandler()
      return
    }
    exchange.claim()
    let hasHead = exchange.record.response.hasHead
    exchange.cancel(why)
    exchange.releaseClaim()
    takeOverOutput(request)
    let lends = request.record.unsettled > 0
    // What the plugin lends is its own again before close(); the answer can't be completed without it.
    if lends { giveBackLent(request) }
    if !request.record.answered { exchange.deliver(.disconnect(why)) }
    end(exchange, of: request, opened: true)
    if hasHead {
      note(refusal, request)
      cut(request)
    } else {
      refuse(request, refusal)
    }
  }

  /// The client gets the server's answer while the handler, whose thread does not own the connection, is still at work:
  /// whatever that has to say comes too late. False if something of its answer is out.
  private func answerForHandler(_ request: Request, _ refusal: Refusal) -> Bool {
    let lane = request.record.lane
    lane.monitor.lock()
    // In one step with what follows: what the thread may have sent in part meanwhile is not dropped.
    takeOverLocked(request)
    let isUnanswered = !lane.handlerDone && (!request.record.answer.hasHead || !lane.held.isEmpty)
    if isUnanswered {
      request.record.answer = AnswerFraming()
      request.record.responseFields.forget()
      lane.closeLocked()
    }
    lane.monitor.unlock()
    guard isUnanswered else { return false }
    request.record.isRefused = true
    if request.isStream { refuse(stream: request, refusal) } else { refuseForHandler(request, refusal) }
    return true
  }

  /// A file that the handler waits for is its own again as soon as it has been told: nothing more of it is sent.
  private func takeBackFile(_ request: Request) {
    let lane = request.record.lane
    lane.monitor.lock()
    let sendsFile = lane.pendingFiles > 0
    lane.monitor.unlock()
    guard sendsFile else { return }
    takeOverOutput(request)
    giveBackLent(request)
  }

  // MARK: Settling

  /// Ends the leases and notes the tags of segments that are done. Releases are calls into the plugin: never from
  /// inside a change of a record.
  func settle(_ connection: Connection) {
    guard !connection.record.output.done.isEmpty else { return }
    settle(connection.record.output.takeDone(), connection.record.request)
  }

  func settle(_ request: Request) {
    guard request.isStream else { return settle(request.record.connection) }
    guard !request.record.stream.output.done.isEmpty else { return }
    settle(request.record.stream.output.takeDone(), request)
  }

  private func settle(_ segments: SegmentList, _ request: Request?) {
    var list = segments
    while let segment = list.pop() {
      if let release = unsafe segment.record.release { unsafe release(segment.record.context) }
      if let request, let exchange = request.record.exchange,
        exchange.handle.id == segment.record.owner
      {
        request.record.unsettled -= 1
        if segment.record.tag != 0 { request.record.sentTags.append(segment.record.tag) }
        if unsafe segment.record.release == nil && segment.record.tag == 0 { request.record.lane.fileDone() }
        queue(request)
      }
      record.thread.record.pool.give(segment)
    }
  }

  /// [loop] Bytes that another thread has queued for the answer join the connection's.
  @inline(never)
  func takeOverOutput(_ request: Request) {
    // A lane that is not used must not learn of this request's output: the next request would inherit it.
    guard request.record.usesLane.load(ordering: .acquiring) else { return }
    request.record.lane.monitor.lock()
    takeOverLocked(request)
    request.record.lane.monitor.unlock()
  }

  /// The same with the lane locked.
  private func takeOverLocked(_ request: Request) {
    let lane = request.record.lane
    if request.record.answer.hasHead && lane.held.isEmpty { request.record.headIsOut = true }
    if request.isStream {
      request.record.stream.output.append(&lane.output)
    } else {
      request.record.connection.record.output.append(&lane.output)
    }
    request.record.unsettled += lane.unsettled
    lane.unsettled = 0
    lane.loopCount = request.queuedCount
    lane.loopHasOutput = request.hasQueuedOutput
    if lane.ended { request.record.answered = true }
    if lane.resumeDue {
      lane.resumeDue = false
      request.record.resumeDue = true
      request.record.stream.refusedBytes = lane.refusedBytes
    }
  }

  /// What is still queued counts against the other side's bound; if there is room again, it is woken.
  func publishOutput(_ request: Request, _ count: Int) {
    guard request.record.usesLane.load(ordering: .relaxed) else { return }
    let lane = request.record.lane
    lane.monitor.lock()
    lane.loopCount = count
    lane.loopHasOutput = request.hasQueuedOutput
    let wantsMore = lane.spool != nil && count <= record.settings.highWater / 2 && !lane.output.isEmpty
    lane.monitor.broadcast()
    lane.monitor.unlock()
    if wantsMore { record.mailbox.post(request, record.runtime) }
  }

  /// [loop] A request that another thread wants looked at.
  func lookAt(_ request: Request) {
    let connection = request.record.connection
    if request.isStream {
      // Its exchange may have ended since, and the record be another stream's, whose head is still to come.
      guard request.record.exchange != nil else { return }
      // A handler's or a thread's urgent words go out in this turn.
      takeOverOutput(request)
      queue(request)
      return
    }
    guard connection.record.request.map({ $0.record.slot }) == request.record.slot else { return }
    if connection.record.phase == .lent {
      takeBack(request)
      return
    }
    guard connection.record.phase == .exchange else { return }
    takeOverOutput(request)
    queue(connection)
  }
}

extension Refusal {
  /// What the plugin is told where its request is refused.
  fileprivate var outcome: Outcome {
    switch self {
    case .bodyTooLarge: .limit
    case .headTimeout, .bodyTimeout, .belowMinimumRate, .requestTimeout: .cancelled
    default: status < 500 ? .closed : .cancelled
    }
  }
}
