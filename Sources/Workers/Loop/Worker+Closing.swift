import HTTP
import Platform
import PluginHost

// Ends of connections: deadlines, closing so that nothing is lost to a reset, giving up.

extension Worker {
  /// How long a client's last bytes are read after the last answer, and how many of them.
  private static let lingerTime: UInt64 = 2 * Clock.nanosecondsPerSecond
  private static let lingerBytes = 1 << 20

  /// The last answer is queued: send it, then close.
  ///
  /// - Parameter lingering: the client may have sent, or be sending, what nobody will read.
  func startClosing(_ connection: Connection, lingering: Bool = true) {
    connection.record.phase = .closing
    if lingering { connection.record.flags.insert(.lingers) }
    if !connection.record.flags.contains(.resets) { connection.record.flags.insert(.ends) }
  }

  /// The answer can't be completed: what is queued goes out, and then the client sees that it is cut off.
  func cut(_ request: Request) {
    if request.isStream { return reset(stream: request, .internalError) }
    if request.record.outcome == .complete && request.record.answer.cut == nil { request.record.outcome = .truncated }
    let connection = request.record.connection
    // Where the end of the connection is the end of the body, only a reset says that it is not.
    if request.record.answer.endsByClose { connection.record.flags.insert(.resets) }
    releaseRequest(connection)
    startClosing(connection)
  }

  @inline(never)
  func finishClosing(_ connection: Connection) -> Bool {
    flush(connection)
    if connection.record.flags.contains(.broken) { return true }
    guard connection.record.output.isEmpty else { return false }
    if connection.record.flags.contains(.resets) {
      close(connection)
      return true
    }
    if connection.record.tls != nil {
      guard connection.endSecurity() else {
        connection.record.flags.remove(.writable)
        setDeadline(connection, record.now &+ record.settings.timeouts.write)
        return false
      }
      record.endedSessions &+= 1
    }
    if connection.record.flags.contains(.peerClosed) || !connection.record.flags.contains(.lingers) {
      close(connection)
      return true
    }
    // A close with unread bytes is a reset, which may overtake the answer (RFC 9112 section 9.6).
    connection.endOutput()
    connection.record.phase = .lingering
    connection.record.flags.insert(.readable)
    connection.record.progress = TransferProgress()
    setDeadline(connection, record.now &+ Worker.lingerTime)
    return true
  }

  /// Reads and forgets until the client closes.
  @inline(never)
  func linger(_ connection: Connection) -> Bool {
    releaseInput(connection)
    let scratch = record.thread.record.pool.take(BufferPool.largeCapacity)
    defer { record.thread.record.pool.give(scratch) }
    while true {
      scratch.record.end = 0
      switch receive(connection, into: scratch) {
      case .bytes:
        connection.record.progress.moved(scratch.unreadCount, record.now)
        if connection.record.progress.total > Worker.lingerBytes {
          close(connection)
          return true
        }
        if !connection.record.flags.contains(.readable) { return false }
      case .none:
        if connection.record.flags.contains(.readable) { queue(connection) }
        return connection.record.flags.contains(.broken)
      case .endOfFile:
        close(connection)
        return true
      }
    }
  }

  /// The connection is of no use any more: whoever works on it is told why, and it closes at once.
  @inline(never)
  func abandon(_ connection: Connection, _ why: Outcome) {
    noteFlood(connection)
    if let http2 = connection.record.http2 {
      giveUpStreams(http2, why)
      guard http2.record.count == 0 else {
        // Handlers' threads still have some; the rest follows when those have returned.
        connection.discardOutput(&record.thread.record.pool)
        setDeadline(connection, .max)
        return
      }
    }
    if let request = connection.record.request { noteAbandoned(request, why) }
    if let request = connection.record.request, request.record.exchange != nil {
      guard giveUp(request, why) else {
        // A handler's thread still has it; the rest follows when that has returned.
        connection.discardOutput(&record.thread.record.pool)
        settle(connection)
        setDeadline(connection, .max)
        return
      }
    }
    close(connection)
  }

  /// How a request ends whose connection is of no use any more.
  func noteAbandoned(_ request: Request, _ why: Outcome) {
    guard request.record.outcome == .complete, request.record.began != 0, !request.record.answer.isAborted else {
      return
    }
    // The client has it all.
    if request.record.answered && !request.isStream && request.record.connection.record.output.isEmpty { return }
    switch why {
    case .closed: request.record.outcome = .clientGone
    case .io:
      request.record.answer.abort(.unreadableFile)
    default: request.record.outcome = record.drain == .stopping || record.hasCutRequests ? .cancelled : .timeout
    }
  }

  /// Closes at once, with all that the connection holds.
  func close(_ connection: Connection) {
    connection.discardOutput(&record.thread.record.pool)
    if connection.record.flags.contains(.resets) { Connections.resetOnClose(connection.record.fd) }
    settle(connection)
    if connection.record.tls != nil { record.endedSessions &+= 1 }
    releaseRequest(connection)
    releaseInput(connection)
    releaseHTTP2(connection)
    connection.record.progress = TransferProgress()
    countBytes(connection)
    record.slot.add(.connectionsClosed)
    record.wheel.remove(connection, record.table)
    record.table.close(connection)
  }

  @inline(never)
  func releaseRequest(_ connection: Connection) { releaseRequestInLine(connection) }

  /// The same where a request ends whose connection is kept.
  @inline(__always)
  func releaseRequestInLine(_ connection: Connection) {
    guard let request = connection.record.request else { return }
    connection.record.request = nil
    account(request)
    record.requests.close(request)
  }

  func releaseInput(_ connection: Connection) {
    if let input = connection.record.input { record.thread.record.pool.give(input) }
    if let body = connection.record.body { record.thread.record.pool.give(body) }
    connection.record.input = nil
    connection.record.body = nil
  }

  // MARK: Deadlines

  /// The deadline of `connection` has passed.
  func expire(_ connection: Connection) {
    // That of the phase may be to come still.
    let isLook = connection.record.deadline == connection.record.lookDeadline
    let phaseDeadline = isLook ? connection.record.phaseDeadline : record.now
    connection.record.deadline = .max
    switch connection.record.phase {
    case .free: return
    case .lent:
      expireLoan(connection)
      return
    case .idle: expireIdle(connection, phaseDeadline)
    case .proxyHeader: reject(connection, .headTimeout)
    case .handshake: reject(connection, .handshakeTimeout)
    case .head: expireHead(connection, phaseDeadline)
    case .http2: expireHTTP2(connection)
    case .exchange:
      if !connection.record.output.isEmpty && outputIsLate(connection) {
        connection.record.flags.insert(.broken)
      } else if let request = connection.record.request, let exchange = request.record.exchange {
        expireExchange(request, exchange)
      }
    case .discarding:
      let isLate = outputIsLate(connection)
      guard isLate || record.now >= phaseDeadline else {
        lowerDeadline(connection, phaseDeadline)
        break
      }
      if isLate { Connections.resetOnClose(connection.record.fd) }
      close(connection)
      return
    case .lingering:
      close(connection)
      return
    case .closing:
      // With nothing queued it is the end of TLS that the client does not take.
      guard connection.record.output.isEmpty || outputIsLate(connection) else { break }
      abandon(connection, .cancelled)
      return
    }
    pump(connection)
  }

  /// Nothing of a request has come: a close is what everybody expects, also a client that never said anything.
  private func expireIdle(_ connection: Connection, _ phaseDeadline: UInt64) {
    if outputIsLate(connection) {
      connection.record.flags.insert(.broken)
    } else if connection.record.output.isEmpty {
      // A request may have waited for that.
      if !connection.record.flags.isDisjoint(with: [.heldBack, .readable]) {
        connection.record.flags.remove(.heldBack)
        setDeadline(connection, record.now &+ record.settings.timeouts.keepalive)
        return queue(connection)
      }
      if record.now >= phaseDeadline { startClosing(connection) } else { setDeadline(connection, phaseDeadline) }
    }
  }

  /// The head is late, or answers before it that the client does not take are.
  private func expireHead(_ connection: Connection, _ phaseDeadline: UInt64) {
    if outputIsLate(connection) {
      connection.record.flags.insert(.broken)
    } else if record.now >= phaseDeadline {
      refuse(connection, .headTimeout)
    } else {
      lowerDeadline(connection, phaseDeadline)
    }
  }

  /// Whether queued output makes no, or too little, progress; else the deadline is set anew, if anything is queued still.
  func outputIsLate(_ connection: Connection) -> Bool {
    guard !connection.record.output.isEmpty else { return false }
    if !connection.record.progress.isRunning { connection.record.progress.resume(record.now) }
    // There may be room that the socket does not tell of.
    connection.record.flags.insert(.writable)
    transmit(connection)
    if connection.record.output.isEmpty { return false }
    connection.record.progress.took(bytesTaken(connection), record.now)
    switch connection.record.progress.judge(
      record.now, timeout: record.settings.timeouts.write, rate: record.settings.minRate)
    {
    case .fine:
      look(at: connection, nextLook(connection.record.progress))
      return false
    case .stalled, .tooSlow:
      connection.record.failure = .cancelled
      return true
    }
  }

  /// How many bytes of all that were sent the client has taken.
  func bytesTaken(_ connection: Connection) -> UInt64 {
    Connections.acknowledged(connection.record.fd, of: allSent(connection))
  }

  /// All that was sent on a connection, by the loop and by threads.
  func allSent(_ connection: Connection) -> UInt64 {
    connection.record.output.sent &- connection.record.sentBefore
      &+ connection.record.sentByThreads.load(ordering: .relaxed)
  }

  /// When output that the client takes slowly is looked at next.
  func nextLook(_ progress: TransferProgress) -> UInt64 {
    let timeout = record.settings.timeouts.write
    return min(progress.nextJudgement(timeout: timeout), record.now &+ TransferProgress.lookInterval(timeout))
  }
}
