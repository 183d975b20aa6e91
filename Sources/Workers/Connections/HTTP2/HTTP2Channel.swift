import HTTP
import Platform
import PluginHost

/// One stream of an HTTP/2 connection: its head, its exchange with a plugin, and its end.
struct HTTP2Channel: HTTPChannel {
  let worker: Worker
  let request: Request

  @inline(__always)
  init(_ worker: Worker, _ request: Request) {
    self.worker = worker
    self.request = request
  }

  var connection: Connection { request.record.connection }
  var http2: HTTP2Connection? { connection.record.http2 }

  static func sinks(_ sinks: Sinks) -> Sinks.Styles { sinks.http2 }
  // A thread can't return a stream silently: the session has to send the response.
  static var returnsSilently: Bool { false }
  var isReturned: Bool { false }
  func willHandOff() {}
  // The loop keeps the connection.
  func advanceHandoff(_ exchange: Exchange) -> Bool { false }

  // MARK: The request

  // Only the stream has ended its side, which does not mean that the client has left.
  var isHalfClosed: Bool { false }
  // An HTTP/2 connection is always kept.
  func bodyWasRead() {}
  func expectReading() {}

  // A stream has its frames.
  func beginTunnel() {}
  // The session has the memory.
  func releaseReadMemory() {}

  // MARK: The response

  /// Bytes no longer reach the client.
  var isBroken: Bool {
    if connection.record.flags.contains(.broken) { return true }
    let flags = request.record.stream.flags
    return flags.contains(.closed) && !flags.contains(.framed)
  }

  var queuedCount: Int { request.record.stream.output.count }
  // The session reports when everything has been sent.
  var hasSentAll: Bool { false }
  var hasQueuedOutput: Bool { !request.record.stream.output.isEmpty }

  /// [any-thread]
  var isCrowded: Bool { http2?.record.isCrowded.load(ordering: .acquiring) == true }

  func limitHints(_ policy: inout EarlyHintPolicy) {
    if let http2 { policy.maxListSize = http2.record.session.peerHeaderListSize }
  }

  func takeOver(_ output: inout OutputQueue) { request.record.stream.output.append(&output) }

  func flush() {
    submit()
    http2?.produce()
    driver.transmitOutlined()
    releaseLeases()
  }

  func releaseLeases() {
    guard !request.record.stream.output.done.isEmpty else { return }
    if worker.release(request.record.stream.output.takeDone(), of: request) { queue() }
  }

  // MARK: Turns and deadlines

  /// Puts the stream on the list of this turn.
  func queue() {
    http2?.queue(request)
    driver.queue()
  }

  func setDeadline(_ moment: UInt64) {
    request.record.stream.deadline = moment
    driver.lowerDeadline(moment)
  }

  // MARK: The end

  func abort() { abort(.internalError) }

  func abortNow() {
    abort(.internalError)
    request.record.stream.flags.insert(.closed)
  }

  func refuseInHandlersPlace(_ refusal: Refusal) { refuse(refusal) }

  func noteCutOff() { worker.note(worker.record.draining.refusal, request) }

  func finishRefused() {}

  // The session reports the end of a stream.
  func noteLoss(_ exchange: Exchange, succeeded: Bool) {}
}

extension HTTP2Channel {
  /// Does everything that can be done for a stream now.
  func advance() {
    if request.record.stream.flags.remove(.moved) != nil {
      releaseLeases()
      publishOutput(request.record.stream.output.count)
    }
    if !request.record.stream.flags.contains(.begun) && request.record.stream.flags.contains(.hasHead) {
      begin()
    }
    while let exchange = request.record.exchange {
      if isBroken {
        guard abortExchange(.closed) else { return }
        break
      }
      let ended =
        advanceExchange(exchange)
      if !ended { break }
    }
    submit()
    if request.record.stream.flags.contains(.closed) && request.record.exchange == nil {
      // The connection comes back to the stream when the client has read something.
      if waitsForSocket {
        http2?.queue(request)
      } else {
        release()
      }
    } else if request.record.stream.flags.contains(.discarding) {
      if request.record.exchange == nil && !waitsForSocket { worker.account(request) }
      waitForEnd()
    } else if waitsForClient {
      superviseResponse()
    }
  }

  private func begin() {
    request.record.stream.flags.insert(.begun)
    if isBroken { return }
    worker.record.recycling.begun &+= 1
    worker.record.slot.add(.requests)
    request.record.began = worker.record.clock.now
    switch request.head.framing {
    case .none, .fixed(0): request.record.bodyEnded = request.record.stream.flags.contains(.inputEnded)
    default: request.record.bodyEnded = false
    }
    request.record.stream.deadline = .max
    // This decoder has nothing to decode, since nghttp2 removes the framing. It also keeps the refusal of a stream's
    // body.
    request.record.decoder = BodyDecoder(.none, limits: worker.record.settings.limits)
    if let refusal = request.record.stream.failure ?? dispatch() { refuse(refusal) }
  }

  // MARK: The end

  /// The response is complete on the side of the plugin and the server.
  func finish() {
    if request.record.framer.isAborted { return abort(.internalError) }
    request.record.stream.flags.insert(.finished)
    request.record.stream.input.discard(&worker.record.thread.record.pool)
    submit()
    discardUnreadBody()
    queue()
  }

  /// The response can't be completed. Queued parts are sent, and then the client sees an error.
  func abort(_ code: HTTP2ErrorCode) {
    request.record.stream.flags.insert(.finished)
    request.record.stream.input.discard(&worker.record.thread.record.pool)
    submit()
    http2?.produce()
    if !request.record.stream.flags.contains(.closed) {
      http2?.record.session.reset(request.record.stream.id, code)
    }
    discardOutput()
    queue()
  }

  /// Releases a stream of which only the record remains.
  func release() {
    let connection = connection
    discardOutput()
    request.record.stream.input.discard(&worker.record.thread.record.pool)
    guard let http2 = connection.record.http2 else { return }
    worker.account(request)
    http2.record.session.forget(request.record.stream.id)
    http2.unlink(request)
    request.record.stream.reset()
    worker.record.requests.close(request)
    if http2.record.count == 0 {
      http2.record.idleSince = worker.record.clock.now
      driver.setDeadline(
        min(worker.record.clock.now &+ worker.record.settings.timeouts.keepalive, http2.record.nextShutdownStep))
    }
  }

  // MARK: The request's body

  func readBody(limit: Int) -> BodyStep {
    if let refusal = request.record.stream.failure { return .refused(refusal) }
    if let bytes = request.record.stream.input.take(limit, &worker.record.thread.record.pool) {
      noteBodyEnd()
      return .bytes(bytes)
    }
    noteBodyEnd()
    if request.record.bodyEnded { return .end }
    // A closed stream receives nothing more, even after a complete response.
    return isBroken || request.record.stream.flags.contains(.closed) ? .gone : .wait
  }

  /// The plugin has read `count` bytes of the body: the stream's window opens with the next frames.
  func openWindow(by count: Int) {
    guard let http2, !request.record.stream.flags.contains(.closed) else {
      return
    }
    http2.record.session.credit(request.record.stream.id, count)
    driver.queue()
  }

  private func noteBodyEnd() {
    guard request.record.stream.input.isEmpty, request.record.stream.flags.contains(.inputEnded) else { return }
    request.record.bodyEnded = true
    request.record.exchange?.record.requestTrailers = request.record.stream.trailers.fields
  }

  /// The body of a client that waits for 100 (Continue) is wanted (RFC 9110 section 10.1.1).
  func sendContinue() {
    if request.record.bodyEnded || request.record.stream.received > 0 { return }
    let status: StaticString = "d\0\0\0\0\0\0\0"  // a section: 100, no fields
    http2?.record.session.informational(request.record.stream.id, Bytes(status))
    queue()
  }

  /// Whether the stream's response is framed completely and still in the connection's queue.
  var waitsForSocket: Bool {
    request.record.hasSpool.load(ordering: .relaxed) && request.record.stream.flags.contains(.framed)
      && request.record.stream.framedTo > connection.allSent
      && !connection.record.output.isEmpty
  }
}
