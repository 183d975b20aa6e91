import HTTP
import Platform
import PluginHost
import Synchronization

// Parts of an exchange that are common to all modes: advancing, aborting, ending.

extension HTTPChannel {
  /// Advances the exchange in its mode; true if it has ended, or another thread owns the connection.
  @inline(__always)
  func advanceExchange(_ exchange: Exchange) -> Bool {
    worker.setCurrentRequest(request)
    switch request.record.mode {
    case .events: return advanceEvents(exchange)
    case .piped: return advancePiped(exchange)
    case .handedOff: return advanceHandoff(exchange)
    case .inPlace: return false
    }
  }

  /// Aborts the exchange: the plugin learns the reason, and the exchange ends.
  ///
  /// - Returns: false if a handler's thread still has it; it then ends when the handler has returned.
  func abortExchange(_ why: CallStatus) -> Bool {
    guard let exchange = request.record.exchange else { return true }
    if request.record.mode.isBlocking {
      exchange.cancel(why)
      request.record.pipe.close()
      // A handler that waits for a file of its response gets the file back.
      discardOutput()
      if request.isHandled { return false }
      finishExchange(exchange, opened: false)
      return true
    }
    // A thread inside send() finishes first: its output is taken over, and nothing follows it.
    exchange.lockSending()
    exchange.cancel(why)
    exchange.unlockSending()
    takeOverOutput()
    discardOutput()
    if !request.record.responseEnded { exchange.deliver(.disconnect(exchange.cancelled ?? why)) }
    finishExchange(exchange, opened: true)
    return true
  }

  /// Notes how a request ends whose connection is aborted.
  func noteAborted(_ why: CallStatus) {
    guard request.record.outcome == .complete, request.record.began != 0, !request.record.framer.isAborted else {
      return
    }
    // The client has the whole response.
    if hasSentAll { return }
    switch why {
    case .closed: request.record.outcome = .clientGone
    case .io:
      request.record.framer.abort(.unreadableFile)
    default:
      let isLast = worker.record.draining.stage == .stopping || worker.record.draining.hasCutRequests
      request.record.outcome = isLast ? .cancelled : .timeout
      if isLast && request.record.exchange == nil { noteCutOff() }
    }
  }

  /// Whether the whole response has been sent, even if the handler still runs.
  var isWhole: Bool {
    guard let exchange = request.record.exchange else { return false }
    return exchange.record.response.isComplete && !request.record.framer.isAborted && !hasQueuedOutput
      && request.record.pipe.output.isEmpty
  }

  /// Ends an exchange: its timers are told, close() is called, and its handle becomes stale.
  func finishExchange(_ exchange: Exchange, opened: Bool) {
    if exchange.refuseCallbacks() {
      let watches = worker.record.runtime.record.watches
      while let call = watches.take(of: exchange) { call.perform() }
      let callbacks = worker.record.runtime.record.callbacks
      while let call = callbacks.take(of: exchange) { call.perform() }
    }
    if opened { exchange.runClose() }
    worker.record.runtime.record.exchanges.close(exchange)
    request.record.exchange = nil
  }

  /// Handles a deadline that passes while a plugin has the request.
  func expireExchange(_ exchange: Exchange) {
    if request.record.isRefused { return setDeadline(.max) }
    if let socket = exchange.openWebSocket { return expireWebSocket(exchange, socket) }
    // A thread has returned the request without a wake-up: the pump that follows continues with it.
    if isReturned { return }
    if worker.record.clock.now >= worker.requestDeadline(request) {
      refuseExchange(exchange, .requestTimeout)
    } else if request.record.awaitsBody {
      let pace = worker.pace(of: request)
      let verdict = request.record.bodyProgress.judge(worker.record.clock.now, timeout: pace.body, rate: pace.minRate)
      if case .fine(let moment) = verdict {
        setDeadline(min(moment, worker.requestDeadline(request)))
      } else {
        refuseExchange(exchange, verdict.refusal)
      }
    } else if Self.returnsSilently && request.record.isHandedOff {
      setDeadline(
        min(worker.requestDeadline(request), worker.record.clock.now &+ worker.record.settings.timeouts.keepalive))
    } else {
      setDeadline(worker.requestDeadline(request))
    }
  }

  /// Tells the plugin that the response is no longer wanted. If no response has begun, the client gets the server's
  /// own.
  func refuseExchange(_ exchange: Exchange, _ refusal: Refusal) {
    let why = refusal.outcome
    switch request.record.mode {
    case .handedOff:
      // The loop was still gathering the body: no thread has seen the request.
      finishExchange(exchange, opened: false)
      return refuse(refusal)
    case .piped, .inPlace:
      request.record.pendingRefusal = refusal
      exchange.cancel(why)
      if refuseUnanswered(refusal) { return }
      releaseFile()
      return request.record.pipe.wakeHandler()
    case .events: break
    }
    exchange.lockSending()
    let hasHead = exchange.record.response.hasHead
    exchange.cancel(why)
    exchange.unlockSending()
    takeOverOutput()
    let lends = request.record.unsettled > 0
    // Leases end before close(), and the response can't be completed without them.
    if lends { releaseLent() }
    if !request.record.responseEnded { exchange.deliver(.disconnect(why)) }
    finishExchange(exchange, opened: true)
    if request.record.framer.page != nil {
      refuseForPlugin(refusal)
    } else if hasHead {
      worker.note(refusal, request)
      abort()
    } else {
      refuse(refusal)
    }
  }

  /// Responds in place of a handler that is still running on a thread that does not own the connection; later parts
  /// from the handler are rejected. Returns false if part of its response has been sent.
  private func refuseUnanswered(_ refusal: Refusal) -> Bool {
    let pipe = request.record.pipe
    pipe.monitor.lock()
    // Taking over and closing form one step, so that no part which the thread sends meanwhile is dropped in the middle.
    takeOverLocked()
    let hasNoResponse = !pipe.handlerDone && (!request.record.framer.hasHead || !pipe.held.isEmpty)
    if hasNoResponse {
      request.record.framer = ResponseFramer()
      request.record.responseFields.forget()
      pipe.closeLocked()
    }
    pipe.monitor.unlock()
    guard hasNoResponse else { return false }
    request.record.isRefused = true
    refuseInHandlersPlace(refusal)
    return true
  }

  /// Ends the use of a file that the handler waits for. No more of it is sent.
  private func releaseFile() {
    let pipe = request.record.pipe
    pipe.monitor.lock()
    let sendsFile = pipe.pendingFiles > 0
    pipe.monitor.unlock()
    guard sendsFile else { return }
    takeOverOutput()
    releaseLent()
  }

  // MARK: Output that other threads have queued

  /// [loop] Appends bytes that another thread has queued for the response to the connection's output.
  @inline(never)
  func takeOverOutput() {
    // An unused pipe must not learn about this request's output: the next request would inherit it.
    guard request.record.usesPipe.load(ordering: .acquiring) else { return }
    request.record.pipe.monitor.lock()
    takeOverLocked()
    request.record.pipe.monitor.unlock()
  }

  /// The same with the pipe locked.
  private func takeOverLocked() {
    let pipe = request.record.pipe
    if request.record.framer.hasHead && pipe.held.isEmpty { request.record.headIsOut = true }
    takeOver(&pipe.output)
    request.record.unsettled += pipe.unsettled
    pipe.unsettled = 0
    pipe.loopCount = queuedCount
    pipe.loopHasOutput = hasQueuedOutput
    if pipe.ended { request.record.responseEnded = true }
    if pipe.resumeDue {
      pipe.resumeDue = false
      request.record.resumeDue = true
      request.record.stream.refusedBytes = pipe.refusedBytes
    }
  }

  /// Reports the bytes still queued to the handler's side, whose bound they count against, and wakes it if there is
  /// room again.
  func publishOutput(_ count: Int) {
    guard request.record.usesPipe.load(ordering: .relaxed) else { return }
    let pipe = request.record.pipe
    pipe.monitor.lock()
    pipe.loopCount = count
    pipe.loopHasOutput = hasQueuedOutput
    let wantsMore = pipe.spool != nil && count <= worker.record.settings.highWater / 2 && !pipe.output.isEmpty
    pipe.monitor.broadcast()
    pipe.monitor.unlock()
    if wantsMore { worker.record.mailbox.post(request, worker.record.runtime) }
  }
}

extension Refusal {
  /// The status that the plugin gets when its request is refused.
  fileprivate var outcome: CallStatus {
    switch self {
    case .bodyTooLarge: .limit
    case .headTimeout, .bodyTimeout, .belowMinimumRate, .requestTimeout: .cancelled
    default: status < 500 ? .closed : .cancelled
    }
  }
}
