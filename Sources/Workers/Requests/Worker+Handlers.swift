import HTTP
import Platform
import PluginHost
import Synchronization

// Blocking exchanges: in place under sync, on a thread of the pool under gthread and async.

extension Worker {
  func startHandler(_ request: Request, _ exchange: Exchange) {
    if let pool = record.pool {
      request.record.lane.reset(after: request.queuedCount, hasOutput: request.hasQueuedOutput)
      request.record.usesLane.store(true, ordering: .relaxed)
      // Under gthread the body of an HTTP/1 request is gathered first.
      if record.settings.model.isAsync || request.isStream { handOver(request, to: pool) }
    } else {
      let answered = runInPlace(request, exchange)
      updateClock()
      finishHandler(request, exchange, answered: answered)
    }
  }

  /// handle() has returned: the exchange ends, and the server answers where the plugin did not.
  func finishHandler(_ request: Request, _ exchange: Exchange, answered: Bool) {
    noteLoss(of: request, exchange, answered: answered)
    // A handler that gives up because its client has left is no fault to be logged.
    let clientLeft = exchange.cancelled == .closed || exchange.hasDeparted
    let isCut = !answered || request.record.answer.isAborted
    if isCut, exchange.cancelled == .cancelled, request.record.pendingRefusal == nil,
      record.now >= requestDeadline(request)
    {
      request.record.pendingRefusal = .requestTimeout
    }
    if isCut, exchange.cancelled == .cancelled, record.slot.leaveBy != 0,
      record.hasCutRequests || request.record.pendingRefusal == nil
    {
      request.record.pendingRefusal = record.now < record.slot.leaveBy ? .gracefulTimeout : .serverStopped
    }
    end(exchange, of: request, opened: false)
    if request.isBroken {
      // Its connection is given up already, by the handler's thread.
      if isCut, !request.record.isRefused, let refusal = request.record.pendingRefusal, refusal.outcome == .cancelled {
        note(refusal, request)
      }
      return
    }
    if request.record.isRefused {
      if !request.isStream {
        releaseRequest(request.record.connection)
        startClosing(request.record.connection)
      }
      return
    }
    if answered {
      // The handler has answered in spite of a body that was refused, or has begun to.
      if let refusal = request.record.pendingRefusal { note(refusal, request) }
      endRequest(request)
    } else if let refusal = request.record.pendingRefusal {
      refuse(request, refusal)
    } else if clientLeft || request.record.answer.isAborted {
      breakOff(request)
    } else {
      refuse(request, .handlerFailed)
    }
  }

  /// Runs the handler on the loop's thread; `HandlerWatch` can see meanwhile which it is.
  private func runInPlace(_ request: Request, _ exchange: Exchange) -> Bool {
    let number = unsafe UInt(bitPattern: request.raw)
    record.handling.store(number, ordering: .releasing)
    let answered = exchange.runHandler()
    while !record.handling.compareExchange(expected: number, desired: 0, ordering: .acquiringAndReleasing).exchanged {
      Thread.yield()
    }
    return answered
  }

  /// [request-thread] The final head is about to be sent: notes whether the client had closed its side by then. A handler in
  /// place is asked that only if it has taken its time.
  @inline(__always)
  func noteDeparture(_ request: Request, _ exchange: Exchange) {
    if record.settings.model.isSync { noteDepartureInPlace(request, exchange) }
    if exchange.hasDeparted { request.record.answer.followsDeparture = true }
  }

  private func noteDepartureInPlace(_ request: Request, _ exchange: Exchange) {
    guard Clock.monotonic() &- request.record.began > Clock.nanosecondsPerMillisecond else { return }
    if Connections.peerHasLeft(request.record.connection.record.fd) { exchange.noteDeparture() }
  }

  /// A client that closes its side may wait for the response all the same. If a reset was the answer to that, there is none
  /// who has got it.
  private func noteLoss(of request: Request, _ exchange: Exchange, answered: Bool) {
    let connection = request.record.connection
    if answered && !request.record.answer.isAborted { request.record.answered = true }
    guard !request.isStream, request.record.answer.followsDeparture || request.isBroken else { return }
    transmit(connection)
    guard exchange.cancelled == .closed || Connections.wasReset(connection.record.fd) else { return }
    request.record.answered = false
    if request.record.outcome == .complete && !request.record.answer.isAborted { request.record.outcome = .clientGone }
    if !answered { request.record.answer.missesClient() }
  }

  /// [request-thread] Runs the handler of a queued request.
  static func runQueued(_ request: Request, _ thread: WorkerThread, _ pool: ThreadPool) {
    guard let exchange = request.record.exchange else { return }
    let slot = Worker.current.record.slot
    let now = Clock.monotonic()
    slot.countDequeued()
    pool.tellRoom()
    slot.queueTime.recordShared(now &- request.record.queuedAt)
    thread.record.cells?.begin(request.record.flight, now)
    // Nobody waits any more for what was given up in the line.
    let answered = exchange.cancelled == nil && exchange.runHandler()
    thread.record.cells?.end()
    if pool.countsTurns(of: request) { pool.endTurn(request) }
    Worker.current.giveBack(request, exchange, answered: answered)
  }

  /// [request-thread] The handler has returned; the loop is woken only if it has to do something now.
  private func giveBack(_ request: Request, _ exchange: Exchange, answered: Bool) {
    let lane = request.record.lane
    lane.monitor.lock()
    let isSettled = answered && isSettled(request, exchange)
    if isSettled { account(request) }
    lane.handlerDone = true
    lane.handlerAnswered = answered
    let isQuiet = isSettled && !request.record.connection.record.loan.giveBack()
    let wakes = !isQuiet && record.mailbox.add(request)
    // The loop may end the request as soon as it can see that it is back: nothing of it is touched after.
    lane.monitor.unlock()
    if wakes { record.runtime.record.wake.wake() }
  }

  /// [request-thread] With the lane locked: whether nothing is left to do for the answer, and the connection is kept.
  private func isSettled(_ request: Request, _ exchange: Exchange) -> Bool {
    // What is cancelled, the loop may be answering itself.
    guard exchange.cancelled == nil, !request.record.answer.followsDeparture, !request.isStream,
      !exchange.hasRequestBody, !request.record.answer.closes,
      request.record.keepAlive, !isDraining, request.record.pendingRefusal == nil
    else { return false }
    if record.settings.model.isGthread {
      let connection = request.record.connection
      return connection.record.output.isEmpty && !connection.record.flags.contains(.broken)
    }
    return request.record.lane.output.isEmpty && !request.record.lane.loopHasOutput
  }

  func handOver(_ request: Request, to pool: ThreadPool) {
    request.record.isHandedOver = true
    request.record.queuedAt = record.now
    if !request.isStream { lendQuietly(request.record.connection) }
    record.slot.add(.queued)
    pool.submit(request)
  }

  /// The thread may give the connection of an HTTP/1 request back without a word.
  private func lendQuietly(_ connection: Connection) {
    connection.record.loan.begin(
      noticed: connection.record.flags.contains(.readable) || (connection.source?.unreadCount ?? 0) > 0)
    // Then somebody has to look after the keep-alive timeout.
    setDeadline(connection, min(connection.record.deadline, record.now &+ record.settings.timeouts.keepalive))
  }

  /// Whether a thread has, or will have, the request.
  func isHandled(_ request: Request) -> Bool {
    guard request.record.isHandedOver else { return false }
    let lane = request.record.lane
    lane.monitor.lock()
    defer { lane.monitor.unlock() }
    return !lane.handlerDone
  }

  /// Feeds the handler's pipe; true if the exchange has ended.
  @inline(never)
  func advanceQueued(_ request: Request, _ exchange: Exchange) -> Bool {
    let connection = request.record.connection
    let lane = request.record.lane
    lane.monitor.lock()
    let (done, answered, wantsContinue) = (lane.handlerDone, lane.handlerAnswered, lane.readerWaits)
    let read = lane.readBytes
    lane.readBytes = 0
    lane.monitor.unlock()
    if done {
      takeOverOutput(request)
      finishHandler(request, exchange, answered: answered)
      return true
    }
    if !request.isStream && connection.record.flags.contains(.peerClosed) && request.record.bodyEnded {
      // A close and a half-close look alike: the handler can ask, and its answer goes out if it can.
      exchange.noteDeparture()
    }
    if read > 0 { openWindow(request, by: read) }
    if wantsContinue { sendContinueIfDue(request) }
    let expects = request.head.traits.contains(.expectsContinue)
    if !expects || request.record.continueSent { feedPipe(request, exchange) }
    return false
  }

  func feedPipe(_ request: Request, _ exchange: Exchange) {
    let lane = request.record.lane
    var budget = Worker.bodyPerTurn
    while true {
      guard budget > 0 else { return queue(request) }
      lane.monitor.lock()
      let room = lane.body.room
      let closed = lane.body.ended
      lane.monitor.unlock()
      if closed { return }
      guard room > 0 else {
        // The handler is slow, not the client.
        stopAwaitingBody(request)
        return
      }
      let step = nextBody(request, limit: room)
      lane.monitor.lock()
      switch step {
      case .bytes(let bytes):
        if lane.body.isUnmade { record.requests.noteRing() }
        lane.body.put(bytes)
        budget -= bytes.count
        request.record.bodyProgress.moved(bytes.count, record.now)
        stopAwaitingBody(request)
      case .end: lane.body.ended = true
      case .wait: break
      case .refused(let refusal):
        request.record.pendingRefusal = refusal
        lane.body.fail(refusal == .bodyTooLarge ? .limit : .invalid)
      case .gone: lane.body.fail(.invalid)
      }
      lane.monitor.broadcast()
      lane.monitor.unlock()
      switch step {
      case .bytes: continue
      case .wait:
        awaitBody(request)
        return
      case .gone:
        request.record.pendingRefusal = .truncatedBody
        return
      case .end, .refused: return
      }
    }
  }
}

extension BodyPipe {
  mutating func fail(_ why: Outcome) {
    ended = true
    failure = why
  }
}
