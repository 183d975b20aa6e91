import HTTP
import Logging
import Platform
import PluginHost

// A connection that speaks HTTP/2: reading frames, looking at its streams, making frames, ending.

extension Worker {
  /// The most that is framed before it is sent.
  static let framedAtOnce = 64 << 10
  /// The most that one connection reads and writes before it is the others' turn.
  private static let readPerTurn = 64 << 10
  private static let writtenPerTurn = 256 << 10

  // MARK: The beginning

  enum Preface { case absent, incomplete, complete }

  /// Whether what has come on a connection that may speak HTTP/2 is the preface (RFC 9113 section 3.4).
  func preface(_ connection: Connection, _ input: Buffer) -> Preface {
    guard connection.record.flags.contains(.mayBeHTTP2) else { return .absent }
    let expected = Bytes(HTTP2Session.preface)
    let count = min(input.unreadCount, expected.count)
    let begun = unsafe Bytes(base: UnsafePointer(input.unread), count: count)
    guard begun.equals(expected.slice(0, count)) else {
      connection.record.flags.remove(.mayBeHTTP2)
      return .absent
    }
    return count == expected.count ? .complete : .incomplete
  }

  @inline(never)
  func startHTTP2(_ connection: Connection) {
    releaseRequest(connection)
    connection.record.flags.remove(.mayBeHTTP2)
    connection.record.http2 = HTTP2Connection(
      connection, record.settings.http2Session, headLimit: record.settings.headMemory)
    connection.record.phase = .http2
    connection.record.http2?.record.idleSince = record.now
    setDeadline(connection, record.now &+ record.settings.timeouts.keepalive)
  }

  // MARK: One turn

  /// Does a turn's work for `connection`; true if it is in another phase now.
  @inline(never)
  func advanceHTTP2(_ connection: Connection) -> Bool {
    guard let http2 = connection.record.http2 else { return false }
    if record.drain != .serving { advanceShutdown(connection, http2) }
    readFrames(connection, http2)
    if connection.record.flags.contains(.broken) { return true }
    write(connection, http2)
    if connection.record.flags.contains(.broken) { return true }
    guard http2.record.count == 0, connection.record.output.isEmpty else { return false }
    guard http2.record.isEnding || http2.record.session.isOver else { return false }
    if !http2.record.isEnding || !http2.record.session.wantsToSend {
      releaseHTTP2(connection)
      startClosing(connection)
      return true
    }
    return false
  }

  private func readFrames(_ connection: Connection, _ http2: HTTP2Connection) {
    if let input = connection.record.input {
      take(unsafe Bytes(base: UnsafePointer(input.unread), count: input.unreadCount), connection, http2)
      releaseInput(connection)
    }
    var budget = Worker.readPerTurn
    let scratch = record.thread.record.pool.take(BufferPool.smallCapacity)
    defer { record.thread.record.pool.give(scratch) }
    // What answers to frames the client does not read is bounded like any other output.
    while budget > 0, !http2.record.isEnding, connection.record.output.count <= record.settings.highWater {
      scratch.record.end = 0
      switch receive(connection, into: scratch) {
      case .bytes:
        budget -= scratch.unreadCount
        take(unsafe Bytes(base: UnsafePointer(scratch.unread), count: scratch.unreadCount), connection, http2)
      case .endOfFile:
        connection.record.flags.insert(.broken)
        return
      case .none: budget = 0
      }
    }
    // Of TLS that is so also where a read has found too little in too much.
    if connection.record.flags.contains(.readable), !http2.record.isEnding { queue(connection) }
  }

  private func take(_ bytes: Bytes, _ connection: Connection, _ http2: HTTP2Connection) {
    if let fault = http2.record.session.receive(bytes, second: record.now / Clock.nanosecondsPerSecond) {
      end(connection, http2, fault)
    }
  }

  private func write(_ connection: Connection, _ http2: HTTP2Connection) {
    var budget = Worker.writtenPerTurn
    while true {
      lookAtStreams(http2)
      let before = connection.record.output.sent
      produce(connection)
      if let fault = http2.record.session.takeFault() { end(connection, http2, fault) }
      transmit(connection)
      if !connection.record.output.isEmpty || connection.record.flags.contains(.broken) { return }
      guard http2.record.firstReady != nil || http2.record.isFull else { return }
      budget -= Int(connection.record.output.sent &- before)
      if budget <= 0 { break }
    }
    queue(connection)
  }

  /// Turns what the session has to say into output, up to a bound.
  func produce(_ connection: Connection) {
    guard let http2 = connection.record.http2 else { return }
    http2.record.isFull = false
    while connection.record.output.count < Worker.framedAtOnce {
      let bytes = http2.record.session.produce()
      if bytes.isEmpty { return }
      connection.record.output.append(bytes, &record.thread.record.pool)
    }
    http2.record.isFull = true
  }

  private func lookAtStreams(_ http2: HTTP2Connection) {
    // What is queued again meanwhile is looked at when the others have had their turn.
    var budget = http2.record.count
    while budget > 0, let request = http2.popReady() {
      budget -= 1
      lookAt(stream: request)
    }
  }

  // MARK: The end

  /// The client is told to go, with a reason; its streams are over.
  func end(_ connection: Connection, _ http2: HTTP2Connection, _ fault: Refusal) {
    record.slot.countRefusal(Int(fault.rawValue))
    if !connection.record.flags.contains(.complained) {
      connection.record.flags.insert(.complained)
      if let heldBack = record.lines.admit(fault, record.now) {
        record.log.info(
          "HTTP/2 connection of \(peer(of: connection)) ended: \(fault.reason)\(LineRate.note(heldBack))")
      }
    }
    http2.record.isEnding = true
    giveUpStreams(http2, .closed)
    queue(connection)
  }

  /// Streams whose handler's thread has yet to return stay.
  func giveUpStreams(_ http2: HTTP2Connection, _ why: Outcome) {
    http2.visit { request in
      if !request.record.stream.flags.contains(.answered) { noteAbandoned(request, why) }
      request.record.stream.flags.insert(.closed)
      if request.record.exchange == nil || giveUp(request, why) { release(stream: request) }
    }
  }

  /// What is queued would put the client out of step, and so whatever followed it: nothing more is sent.
  @inline(never)
  func breakOutOfStep(_ connection: Connection) {
    record.log.critical(
      "a frame to \(peer(of: connection)) does not hold what its header says: the connection is closed; please report it"
    )
    connection.discardOutput(&record.thread.record.pool)
    connection.record.flags.formUnion([.severed, .broken])
    queue(connection)
  }

  func releaseHTTP2(_ connection: Connection) {
    guard let http2 = connection.record.http2 else { return }
    http2.destroy()
    connection.record.http2 = nil
    record.endedSessions &+= 1
  }

  /// GOAWAY first for streams to come, then, when the client has heard of it, for good (RFC 9113 section 6.8).
  private func advanceShutdown(_ connection: Connection, _ http2: HTTP2Connection) {
    switch http2.record.shutdown {
    case .none:
      http2.record.shutdown = .announced
      http2.record.shutdownDeadline = record.now &+ Clock.nanosecondsPerSecond
      http2.record.session.announceShutdown()
      lowerDeadline(connection, http2.record.shutdownDeadline)
      http2.visit { queue($0) }
    case .announced:
      guard http2.record.session.isShutdownHeard || record.now >= http2.record.shutdownDeadline else { return }
      refuseStreams(connection, http2)
    case .refusing: break
    }
  }

  func refuseStreams(_ connection: Connection, _ http2: HTTP2Connection) {
    guard http2.record.shutdown != .refusing else { return }
    http2.record.shutdown = .refusing
    http2.record.session.refuseStreams()
    queue(connection)
  }
}
