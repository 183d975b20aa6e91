import HTTP
import Platform
import PluginHost

// One stream of an HTTP/2 connection: from its head to a plugin, through its exchange, to its end.

extension Worker {
  /// Puts a request on the list for this turn.
  func queue(_ request: Request) {
    if request.isStream { request.record.connection.record.http2?.queue(request) }
    queue(request.record.connection)
  }

  /// Does all that can be done for a stream now.
  func lookAt(stream request: Request) {
    if request.record.stream.flags.remove(.moved) != nil {
      settle(request)
      publishOutput(request, request.record.stream.output.count)
    }
    if !request.record.stream.flags.contains(.begun) && request.record.stream.flags.contains(.hasHead) {
      begin(stream: request)
    }
    while let exchange = request.record.exchange {
      turn(to: request)
      if request.isBroken {
        guard giveUp(request, .closed) else { return }
        break
      }
      let ended =
        exchange.record.isBlocking ? advanceQueued(request, exchange) : advanceEvents(request, exchange)
      if !ended { break }
    }
    submit(request)
    if request.record.stream.flags.contains(.closed) && request.record.exchange == nil {
      release(stream: request)
    } else if !request.record.stream.output.isEmpty {
      watchAnswer(request)
    }
  }

  private func begin(stream request: Request) {
    request.record.stream.flags.insert(.begun)
    if request.record.stream.flags.contains(.closed) { return }
    record.begun &+= 1
    record.slot.add(.requests)
    request.record.began = record.now
    switch request.head.framing {
    case .none, .fixed(0): request.record.bodyEnded = request.record.stream.flags.contains(.inputEnded)
    default: request.record.bodyEnded = false
    }
    request.record.stream.deadline = .max
    // It decodes nothing here: nghttp2 has taken the framing off. It keeps the refusal of a stream's body too.
    request.record.decoder = BodyDecoder(.none, limits: record.settings.limits)
    if let refusal = request.record.stream.failure ?? dispatch(request) { refuse(request, refusal) }
  }

  // MARK: The answer

  /// Hands the session what it can take of a stream's answer: nothing while the client takes nothing. What the session has
  /// is not counted any more, and outlives a stream that the client resets.
  func submit(_ request: Request) {
    guard let http2 = request.record.connection.record.http2 else { return }
    let id = request.record.stream.id
    if request.record.stream.flags.contains(.closed) { return dropOutput(request) }
    if request.record.connection.record.output.count >= Worker.framedAtOnce
      && request.record.stream.output.firstSection != nil
    {
      // The connection is looked at when it takes something again.
      http2.queue(request)
      return http2.countOutput(of: request, limit: record.settings.outputLimit)
    }
    sections: while let (kind, bytes) = request.record.stream.output.firstSection {
      switch kind {
      case .informational: http2.record.session.informational(id, bytes)
      case .head:
        http2.record.session.head(id, bytes, ends: false)
        request.record.stream.flags.insert(.headSubmitted)
        request.record.stream.output.dropSection(&record.thread.record.pool)
        interleaveIfLarge(request, http2)
        continue
      case .wholeHead:
        http2.record.session.head(id, bytes, ends: true)
        request.record.stream.flags.insert(.headSubmitted)
        // What is left is memory to be given back.
        return dropOutput(request)
      case .trailers, .end: break sections
      }
      request.record.stream.output.dropSection(&record.thread.record.pool)
    }
    if request.record.stream.output.retireSpent(&record.thread.record.pool) {
      // A part without bytes takes no frame, and somebody may wait for its end.
      request.record.stream.flags.insert(.moved)
      queue(request)
    }
    if request.record.stream.flags.contains(.deferred) && !request.record.stream.output.isEmpty {
      request.record.stream.flags.remove(.deferred)
      http2.record.session.resume(id)
    }
    http2.countOutput(of: request, limit: record.settings.outputLimit)
  }

  /// An answer of several frames shares the connection with the others, unless the client has said what it wants.
  private func interleaveIfLarge(_ request: Request, _ http2: HTTP2Connection) {
    if request.record.stream.reader.hasPriority { return }
    let (count, next) = request.record.stream.output.offer(Worker.framedAtOnce)
    if case .end = next, count <= Worker.singleFrame { return }
    http2.record.session.interleave(request.record.stream.id)
  }

  private static let singleFrame = 16 << 10

  /// The stream's answer goes no further. What is to be settled waits until no plugin is inside a call: this may be part
  /// of one.
  private func dropOutput(_ request: Request) {
    request.record.lostBytes &+= request.record.stream.output.total
    request.record.stream.output.discard(&record.thread.record.pool)
    request.record.connection.record.http2?.countOutput(of: request, limit: record.settings.outputLimit)
    guard !request.record.stream.output.done.isEmpty else { return }
    request.record.stream.flags.insert(.moved)
    queue(request)
  }

  /// The answer goes no further, and what it was lent is given back. For the loop, outside of any call of a plugin's.
  func discardOutput(_ request: Request) {
    if request.isStream {
      dropOutput(request)
      settle(request)
    } else {
      request.record.connection.discardOutput(&record.thread.record.pool)
      settle(request.record.connection)
    }
  }

  /// What the plugin lends for the answer is its own again, and the answer goes no further. Likewise outside of its calls.
  func giveBackLent(_ request: Request) {
    if request.isStream { return discardOutput(request) }
    request.record.connection.discardLent(&record.thread.record.pool)
    settle(request.record.connection)
  }

  /// The server's own answer.
  func refuse(stream request: Request, _ refusal: Refusal) {
    note(refusal, request)
    let status = refusal.status
    let isHead = request.head.traits.contains(.head)
    request.record.answer.takesPage(status, bytes: isHead ? 0 : ErrorPage.length(status))
    withFields(of: refusal, request) { fields in
      request.record.stream.output.write(
        section: isHead ? .wholeHead : .head, bound: FieldSection.bound(fields: 5, bytes: 256),
        &record.thread.record.pool
      ) { writer in
        FieldSection.begin(status: status, fields: 3 + fields.count, to: &writer)
        FieldSection.append(name: Bytes("server"), value: Bytes("outrider"), to: &writer)
        FieldSection.append(name: Bytes("date"), value: record.thread.record.date.value, to: &writer)
        FieldSection.append(fields, to: &writer)
        FieldSection.append(
          name: Bytes("content-length"), decimal: UInt64(ErrorPage.length(status)), to: &writer)
      }
    }
    if !isHead {
      request.record.stream.output.write(bound: ErrorPage.bound, &record.thread.record.pool) {
        ErrorPage.write(status, to: &$0)
      }
      request.record.stream.output.append(section: .end, &record.thread.record.pool)
    }
    endStream(request)
  }

  // MARK: The end

  /// The answer is complete, as far as the plugin and the server go.
  func endStream(_ request: Request) {
    if request.record.answer.isAborted { return reset(stream: request, .internalError) }
    request.record.stream.flags.insert(.finished)
    request.record.stream.input.discard(&record.thread.record.pool)
    submit(request)
    queue(request)
  }

  /// The answer can't be completed: what can go goes out, and then the client sees that it is cut off.
  func reset(stream request: Request, _ code: HTTP2ErrorCode) {
    request.record.stream.flags.insert(.finished)
    request.record.stream.input.discard(&record.thread.record.pool)
    submit(request)
    produce(request.record.connection)
    if !request.record.stream.flags.contains(.closed) {
      request.record.connection.record.http2?.record.session.reset(request.record.stream.id, code)
    }
    discardOutput(request)
    queue(request)
  }

  /// Nothing is left of a stream but its record.
  func release(stream request: Request) {
    let connection = request.record.connection
    discardOutput(request)
    request.record.stream.input.discard(&record.thread.record.pool)
    guard let http2 = connection.record.http2 else { return }
    account(request)
    http2.record.session.forget(request.record.stream.id)
    http2.unlink(request)
    record.requests.close(request)
    if http2.record.count == 0 {
      http2.record.idleSince = record.now
      setDeadline(
        connection, min(record.now &+ record.settings.timeouts.keepalive, http2.record.nextShutdownStep))
    }
  }

  // MARK: The request's body

  func nextStreamBody(_ request: Request, limit: Int) -> BodyStep {
    if let refusal = request.record.stream.failure { return .refused(refusal) }
    if let bytes = request.record.stream.input.take(limit, &record.thread.record.pool) {
      // A handler's thread has not read them yet: they only go into its pipe.
      if request.record.exchange?.record.isBlocking != true { openWindow(request, by: bytes.count) }
      noteBodyEnd(request)
      return .bytes(bytes)
    }
    noteBodyEnd(request)
    if request.record.bodyEnded { return .end }
    return request.isBroken ? .gone : .wait
  }

  /// The plugin has read `count` bytes of a stream's body: its window opens with the next frames that are made.
  func openWindow(_ request: Request, by count: Int) {
    guard let http2 = request.record.connection.record.http2, !request.record.stream.flags.contains(.closed) else {
      return
    }
    http2.record.session.credit(request.record.stream.id, count)
    queue(request.record.connection)
  }

  private func noteBodyEnd(_ request: Request) {
    guard request.record.stream.input.isEmpty, request.record.stream.flags.contains(.inputEnded) else { return }
    request.record.bodyEnded = true
    request.record.exchange?.record.requestTrailers = request.record.stream.trailers.fields
  }

  /// Somebody wants the body of a client that waits for leave to send it (RFC 9110 section 10.1.1).
  func sendStreamContinue(_ request: Request) {
    if request.record.bodyEnded || request.record.stream.received > 0 { return }
    let status: StaticString = "d\0\0\0\0\0\0\0"  // a section: 100, no fields
    request.record.connection.record.http2?.record.session.informational(request.record.stream.id, Bytes(status))
    queue(request)
  }
}
