import Glibc
import HTTP
import Platform
import PluginHost

// Moving one connection as far as it goes: the state machine of a connection, from `Phase` to `Phase`.
//
// Every request comes this way. What few of them need is never in line, here and in what is called from here, so that
// what all need stands close together and stays in the processor's nearest memory.

extension Worker {
  /// Does all that can be done for `connection` now, and sets the deadline for what can't.
  func pump(_ connection: Connection) { pumpInLine(connection) }

  /// The same where every request comes in. Behind a system call the processor has forgotten who called, and guesses
  /// wrongly where a return goes: from here to the loop there is none.
  @inline(__always)
  func pumpInLine(_ connection: Connection) {
    let budget = record.begun &+ Worker.requestsPerTurn
    var isDue = false
    while connection.record.phase != .free && connection.record.phase != .lent {
      if record.begun == budget {
        // Others wait: a client that sends many requests at once gets on in the next turn.
        isDue = true
        break
      }
      // Whoever wants it to be looked at meanwhile has that in the next round of this loop, if there is one.
      record.pumped = connection.record.slot
      record.isPumpedAgain = false
      if connection.record.flags.contains(.broken) {
        record.pumped = -1
        abandon(connection, connection.record.failure)
        return
      }
      let moved: Bool
      switch connection.record.phase {
      case .proxyHeader: moved = readProxyHeader(connection)
      case .handshake: moved = advanceHandshake(connection)
      case .idle, .head: moved = readHead(connection)
      case .http2: moved = advanceHTTP2(connection)
      case .exchange: moved = advanceExchange(connection)
      case .discarding: moved = discardBody(connection)
      case .closing: moved = finishClosing(connection)
      case .lingering: moved = linger(connection)
      case .free, .lent: moved = false
      }
      record.pumped = -1
      if !moved {
        isDue = record.isPumpedAgain
        break
      }
      if isResting(connection) { break }
    }
    if isDue { queue(connection) }
    guard connection.record.phase != .free && connection.record.phase != .lent else { return }
    transmitInLine(connection)
    settle(connection)
    watchOutput(connection)
    if connection.record.phase == .idle || connection.record.phase == .head,
      !connection.record.flags.isDisjoint(with: [.readable, .heldBack]), hasTaken(connection)
    {
      // Reading stopped for an answer that was not read, and that has gone out just now.
      connection.record.flags.remove(.heldBack)
      queue(connection)
    }
  }

  private static let requestsPerTurn: UInt64 = 16

  /// Between two requests, and nothing has come of the next: as nearly all are after an answer.
  @inline(__always)
  private func isResting(_ connection: Connection) -> Bool {
    connection.record.phase == .idle && connection.record.input == nil
      && connection.record.flags.isDisjoint(with: [.readable, .broken])
  }

  /// Whatever else a connection waits for, output that the client does not take has its deadline.
  @inline(__always)
  private func watchOutput(_ connection: Connection) {
    if connection.record.output.isEmpty || connection.record.flags.contains(.writable) { return }
    watchBlockedOutput(connection)
  }

  @inline(never)
  private func watchBlockedOutput(_ connection: Connection) {
    if !connection.record.progress.isRunning { connection.record.progress.resume(record.now) }
    let moment = nextLook(connection.record.progress)
    guard moment < connection.record.deadline else { return }
    if connection.record.deadline != connection.record.lookDeadline {
      connection.record.phaseDeadline = connection.record.deadline
    }
    look(at: connection, moment)
  }

  // MARK: Input

  enum Input {
    case bytes
    /// Nothing more now.
    case none
    case endOfFile
  }

  /// Reads once into `buffer`, which has room.
  @inline(__always)
  func receive(_ connection: Connection, into buffer: Buffer) -> Input {
    guard connection.record.flags.contains(.readable) else { return .none }
    if connection.record.tls != nil { return connection.receiveSecurely(into: buffer) }
    let capacity = buffer.freeCount
    let count = unsafe Connections.receive(connection.record.fd, buffer.free, capacity)
    if count > 0 {
      buffer.record.end += count
      connection.record.received &+= UInt64(count)
      // Fewer than asked for: the socket is empty, and the next byte will be an edge. But a close that came before
      // has had its edge.
      if count < capacity && !connection.record.flags.contains(.peerClosed) {
        connection.record.flags.remove(.readable)
      }
      return .bytes
    }
    if count == 0 {
      connection.record.flags.insert(.peerClosed)
      connection.record.flags.remove(.readable)
      return .endOfFile
    }
    connection.record.flags.remove(.readable)
    if errno != EAGAIN { connection.record.flags.insert(.broken) }
    return .none
  }

  // MARK: Head

  @inline(__always)
  private func readHead(_ connection: Connection) -> Bool {
    if let input = connection.record.input, input.unreadCount > 0, parseWaiting(connection, input) { return true }
    // Answers that the client does not read hold back the next request.
    guard hasTaken(connection) else { return false }
    guard connection.record.flags.contains(.readable) else { return connection.record.flags.contains(.broken) }
    let input = inputWithRoom(connection)
    switch receive(connection, into: input) {
    case .bytes: return parseHead(connection, input) || connection.record.flags.contains(.readable)
    case .endOfFile: return endOfFileInHead(connection)
    case .none:
      releaseEmptyInput(connection)
      return connection.record.flags.contains(.broken)
    }
  }

  /// What came behind the request before may be the head of the next.
  @inline(never)
  private func parseWaiting(_ connection: Connection, _ input: Buffer) -> Bool {
    guard hasTaken(connection) else {
      connection.record.flags.insert(.heldBack)
      return false
    }
    return parseHead(connection, input)
  }

  /// The client has taken enough of what it was sent before: files count as memory does.
  @inline(__always)
  private func hasTaken(_ connection: Connection) -> Bool {
    connection.record.output.total <= UInt64(truncatingIfNeeded: record.settings.highWater)
  }

  @inline(never)
  private func endOfFileInHead(_ connection: Connection) -> Bool {
    if connection.record.request?.record.parser.hasBegun == true {
      refuse(connection, .malformedRequestLine)
    } else {
      releaseRequest(connection)
      startClosing(connection)
    }
    return true
  }

  /// The input buffer, with room for at least one more byte: the largest head fits in one piece.
  @inline(__always)
  func inputWithRoom(_ connection: Connection) -> Buffer {
    guard let input = connection.record.input else {
      let fresh = record.thread.record.pool.take(HostileMemory.first(BufferPool.smallCapacity))
      connection.record.input = fresh
      return fresh
    }
    return input.freeCount > 0 && !HostileMemory.isOn ? input : inputWithMoreRoom(connection, input)
  }

  /// The same for one that is full.
  @inline(never)
  private func inputWithMoreRoom(_ connection: Connection, _ input: Buffer) -> Buffer {
    connection.record.request?.record.parser.reset()
    if input.record.start > 0 && !HostileMemory.isOn {
      input.compact()
      return input
    }
    let usual = max(BufferPool.largeCapacity, record.settings.limits.head + 1)
    let larger = record.thread.record.pool.take(HostileMemory.next(usual, needed: input.unreadCount + 1))
    unsafe larger.free.update(from: input.unread, count: input.unreadCount)
    larger.record.end = input.unreadCount
    record.thread.record.pool.give(input)
    connection.record.input = larger
    return larger
  }

  /// An idle connection holds no memory beyond its record.
  @inline(never)
  private func releaseEmptyInput(_ connection: Connection) {
    guard let input = connection.record.input, input.unreadCount == 0, connection.record.request == nil else { return }
    record.thread.record.pool.give(input)
    connection.record.input = nil
  }

  /// True if the connection is in another phase now.
  @inline(__always)
  private func parseHead(_ connection: Connection, _ input: Buffer) -> Bool {
    switch preface(connection, input) {
    case .absent: break
    case .incomplete: return false
    case .complete:
      startHTTP2(connection)
      return true
    }
    let request: Request
    if let present = connection.record.request {
      request = present
    } else {
      guard let fresh = record.requests.open(connection) else {
        close(connection)
        return true
      }
      request = fresh
      connection.record.request = request
    }
    switch unsafe request.record.parser.parse(UnsafePointer(input.unread), count: input.unreadCount) {
    case .incomplete:
      if connection.record.phase == .idle && request.record.parser.hasBegun {
        connection.record.phase = .head
        setDeadline(connection, record.now &+ record.settings.timeouts.head)
      }
      return false
    case .refused(let refusal):
      refuse(connection, refusal)
      return true
    case .complete(let length):
      input.record.start += length
      connection.record.phase = .exchange
      setDeadline(connection, .max)
      begin(request)
      return true
    }
  }

  // MARK: Output

  /// Sends what is queued, and settles what is done.
  func flush(_ connection: Connection) {
    transmit(connection)
    settle(connection)
  }

  /// Likewise for one request.
  func flush(_ request: Request) {
    guard request.isStream else { return flush(request.record.connection) }
    submit(request)
    produce(request.record.connection)
    transmit(request.record.connection)
    settle(request)
  }

  /// Sends what is queued, and watches over its progress. Nothing here calls the plugin, so that a host function may do
  /// it; what is done is settled by the next `flush`.
  func transmit(_ connection: Connection) { transmitInLine(connection) }

  /// The same where every request goes out, in line for the same reason as `pumpInLine`.
  @inline(__always)
  private func transmitInLine(_ connection: Connection) {
    guard connection.record.flags.contains(.writable), !connection.record.output.isEmpty else { return }
    let before = connection.record.output.sent
    let result = connection.flushOutput(&record.thread.record.pool)
    if case .failed(let outcome) = result { return outputFailed(connection, outcome) }
    if case .blocked = result { connection.record.flags.remove(.writable) }
    outputMoved(connection, before)
  }

  @inline(never)
  private func outputFailed(_ connection: Connection, _ outcome: Outcome) {
    connection.record.flags.insert(.broken)
    connection.record.failure = outcome
    if outcome == .io, let request = connection.record.request { request.record.lane.failFile() }
    queue(connection)
  }

  @inline(__always)
  private func outputMoved(_ connection: Connection, _ before: UInt64) {
    if connection.record.output.isEmpty {
      // Until there is more, it is not the client's time that passes.
      if connection.record.progress.isRunning { connection.record.progress.pause(record.now) }
    } else {
      outputIsSlow(connection, before)
    }
    guard let request = connection.record.request, request.record.exchange != nil else { return }
    tellOutput(request, connection.record.output.count)
  }

  /// Some of it is out.
  @inline(never)
  private func outputIsSlow(_ connection: Connection, _ before: UInt64) {
    if !connection.record.progress.isRunning {
      connection.record.progress.resume(record.now)
    } else if connection.record.output.sent != before {
      connection.record.progress.flowed(record.now)
    }
  }

  /// Who has the request may wait for room.
  @inline(never)
  private func tellOutput(_ request: Request, _ count: Int) {
    let connection = request.record.connection
    if request.record.resumeDue && count <= record.settings.highWater / 2 { queue(connection) }
    publishOutput(request, count)
  }

  // MARK: Deadlines

  /// Output that the client does not take is looked at then.
  func look(at connection: Connection, _ moment: UInt64) {
    connection.record.lookDeadline = moment
    setDeadline(connection, moment)
  }

  func setDeadline(_ connection: Connection, _ moment: UInt64) {
    connection.record.deadline = moment
    if !DeadlineWheel.isInTime(connection) { schedule(connection) }
  }

  @inline(never)
  private func schedule(_ connection: Connection) { record.wheel.schedule(connection, record.table) }
}

extension Lane {
  /// [loop] A file that the handler waits for could not be read.
  func failFile() {
    monitor.lock()
    if pendingFiles > 0 { fileFailed = true }
    monitor.broadcast()
    monitor.unlock()
  }
}
