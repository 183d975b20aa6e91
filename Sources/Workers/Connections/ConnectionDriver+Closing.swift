import HTTP
import Platform
import PluginHost

// Ends of connections: deadlines, a close that does not overtake the response with a reset, and aborting.

extension ConnectionDriver {
  /// The last response is queued: send it, then close.
  ///
  /// - Parameters:
  ///   - lingering: whether the client may have sent, or be sending, bytes that nobody will read.
  ///   - rest: how many of these bytes may still come before our side ends; `.max` if unknown.
  func finish(lingering: Bool = true, rest: Int64 = 0) {
    connection.move(.lastQueued)
    if lingering { connection.record.flags.insert(.lingers) }
    connection.record.rest = rest
    if rest > 0 && connection.record.flags.contains(.peerClosed) { forgetRest() }
    if !connection.record.flags.contains(.resets) && connection.record.rest == 0 {
      connection.record.flags.insert(.ends)
    }
  }

  @inline(never)
  func advanceClosing() -> Bool {
    transmitOutlined()
    worker.releaseLeases(of: connection)
    if connection.record.flags.contains(.broken) { return true }
    guard connection.record.output.isEmpty else { return false }
    switch ClosingStep.next(
      connection.record.flags, awaitsRest: connection.record.rest > 0, hasTLS: connection.record.tls != nil)
    {
    case .endTLS:
      guard connection.endSecurity() else {
        connection.record.flags.remove(.writable)
        setDeadline(worker.record.clock.now &+ worker.record.settings.timeouts.write)
        return false
      }
      worker.record.sessions.count()
    case .linger: beginLingering()
    case .reset, .close: close()
    }
    return true
  }

  /// Ends a connection that is of no more use: its exchanges learn the reason, and it closes at once.
  @inline(never)
  func abort(_ why: CallStatus) {
    worker.noteFlood(connection)
    if let http2 = connection.record.http2 {
      http2.abortStreams(why)
      // Handlers' threads still hold streams: closing continues when they have returned.
      guard http2.record.count == 0 else { return abandonOutput() }
    }
    if let channel = http1.channel {
      channel.noteAborted(why)
      guard channel.abortExchange(why) else { return abandonOutput() }
    }
    close()
  }

  private func abandonOutput() {
    connection.discardOutput(&worker.record.thread.record.pool)
    worker.releaseLeases(of: connection)
    setDeadline(.max)
  }

  /// Closes at once and releases everything that the connection holds.
  func close() {
    connection.discardOutput(&worker.record.thread.record.pool)
    if connection.record.flags.contains(.resets) { ConnectedSocket.resetOnClose(connection.record.fd) }
    worker.releaseLeases(of: connection)
    if connection.record.tls != nil { worker.record.sessions.count() }
    releaseRequest()
    releaseInput()
    connection.record.http2?.release()
    connection.record.progress = TransferProgress()
    worker.countBytes(connection)
    worker.record.slot.add(.connectionsClosed)
    worker.record.wheel.remove(connection, worker.record.table)
    worker.record.table.close(connection)
  }

  @inline(never)
  func releaseRequest() {
    guard let request = connection.record.request else { return }
    connection.record.request = nil
    worker.account(request)
    worker.record.requests.close(request)
  }

  func releaseInput() {
    if let input = connection.record.input { worker.record.thread.record.pool.give(input) }
    if let body = connection.record.body { worker.record.thread.record.pool.give(body) }
    connection.record.input = nil
    connection.record.body = nil
  }

  // MARK: Deadlines

  /// Handles the passed deadline of `connection`.
  func expire() {
    // The deadline may be that of an output check, with the phase's own still to come.
    let isLook = connection.record.deadline == connection.record.outputDeadline
    let phaseDeadline = isLook ? connection.record.phaseDeadline : worker.record.clock.now
    connection.record.deadline = .max
    switch connection.record.phase {
    case .free: return
    case .ownedByThread:
      http1.expireHandoff()
      return
    case .idle: http1.expireIdle(phaseDeadline)
    case .proxyHeader: refuse(.headTimeout)
    case .handshake: refuse(.handshakeTimeout)
    case .head: http1.expireHead(phaseDeadline)
    case .http2: connection.record.http2?.expire()
    case .exchange:
      if !connection.record.output.isEmpty && outputIsLate() {
        connection.record.flags.insert(.broken)
      } else if let channel = http1.channel, let exchange = channel.request.record.exchange {
        channel.expireExchange(exchange)
      }
    case .sending: http1.expireSending(phaseDeadline)
    case .discarding:
      guard !outputIsLate() else {
        ConnectedSocket.resetOnClose(connection.record.fd)
        close()
        return
      }
      http1.expireUnread()
    case .lingering: return expireLingering()
    case .upgraded: break
    case .closing:
      // With an empty queue the client has not read the end of TLS.
      guard connection.record.output.isEmpty || outputIsLate() else { break }
      abort(.cancelled)
      return
    }
    pumpOutlined()
  }

  /// Whether queued output makes too little progress. If not, and output is still queued, the deadline is set anew.
  func outputIsLate() -> Bool {
    guard !connection.record.output.isEmpty else { return false }
    if !connection.record.progress.isRunning { connection.record.progress.resume(worker.record.clock.now) }
    // The socket may have room that epoll has not reported.
    connection.record.flags.insert(.writable)
    transmitOutlined()
    if connection.record.output.isEmpty { return false }
    connection.record.progress.took(bytesTaken(), worker.record.clock.now)
    switch connection.record.progress.judge(
      worker.record.clock.now, timeout: worker.record.settings.timeouts.write, rate: worker.minRate(of: connection))
    {
    case .fine:
      checkOutput(at: nextOutputCheck(connection.record.progress))
      return false
    case .stalled, .tooSlow:
      connection.record.failure = .cancelled
      return true
    }
  }

  /// The number of sent bytes that the client has acknowledged.
  func bytesTaken() -> UInt64 {
    ConnectedSocket.acknowledged(connection.record.fd, of: connection.allSent)
  }

  /// When output that the client reads slowly is checked next.
  func nextOutputCheck(_ progress: TransferProgress) -> UInt64 {
    let timeout = worker.record.settings.timeouts.write
    return min(
      progress.nextJudgement(timeout: timeout), worker.record.clock.now &+ TransferProgress.checkInterval(timeout))
  }
}
