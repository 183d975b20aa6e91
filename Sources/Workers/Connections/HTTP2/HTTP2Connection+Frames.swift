import HTTP
import Logging
import Platform
import PluginHost

// A turn of an HTTP/2 connection: reading frames, advancing streams, making frames, ending.

extension HTTP2Connection {
  /// The maximum number of bytes that are framed before they are sent.
  static let framedAtOnce = 64 << 10
  /// The maximum number of bytes read and written before other connections get their turn.
  private static let readPerTurn = 64 << 10
  private static let writtenPerTurn = 256 << 10

  // MARK: One turn

  /// Does a turn's work for `connection`; true if the connection is in another phase now.
  @inline(never)
  func advance() -> Bool {
    readFrames()
    if connection.record.flags.contains(.broken) { return true }
    if worker.record.draining.stage != .serving && !record.isEnding { advanceShutdown() }
    write()
    if connection.record.flags.contains(.broken) { return true }
    guard record.count == 0, connection.record.output.isEmpty else { return false }
    guard record.isEnding || record.session.isOver else { return false }
    if !record.isEnding || !record.session.wantsToSend {
      let driver = self.driver
      release()
      driver.finish()
      return true
    }
    return false
  }

  private func readFrames() {
    if let input = connection.record.input {
      take(unsafe Bytes(base: UnsafePointer(input.unread), count: input.unreadCount))
      driver.releaseInput()
    }
    var budget = Self.readPerTurn
    let scratch = worker.record.thread.record.pool.take(BufferPool.smallCapacity)
    defer { worker.record.thread.record.pool.give(scratch) }
    // Output caused by frames, such as acknowledgements, is bounded like any other.
    while budget > 0, !record.isEnding, connection.record.output.count <= worker.record.settings.highWater {
      scratch.record.end = 0
      switch connection.receive(into: scratch) {
      case .bytes:
        budget -= scratch.unreadCount
        take(unsafe Bytes(base: UnsafePointer(scratch.unread), count: scratch.unreadCount))
      case .endOfFile:
        deliverLastMessages()
        connection.record.flags.insert(.broken)
        return
      case .none: budget = 0
      }
    }
    // Over TLS this also applies when a read returned less than it could.
    if connection.record.flags.contains(.readable), !record.isEnding { driver.queue() }
  }

  /// The client has ended the connection. What came before, such as its Close, is delivered to WebSockets.
  @inline(never)
  private func deliverLastMessages() {
    visit { request in
      if request.record.exchange?.record.isWebSocket.load(ordering: .relaxed) == true { channel(of: request).advance() }
    }
  }

  private func take(_ bytes: Bytes) {
    if let fault = record.session.receive(bytes, second: worker.record.clock.now / Clock.nanosecondsPerSecond) {
      abort(fault)
    }
  }

  private func write() {
    var budget = Self.writtenPerTurn
    while true {
      advanceStreams()
      let before = connection.record.output.sent
      produce()
      if let fault = record.session.takeFault() { abort(fault) }
      driver.transmitOutlined()
      if !connection.record.output.isEmpty || connection.record.flags.contains(.broken) { return }
      guard record.firstReady != nil || record.isFull else { return }
      budget -= Int(connection.record.output.sent &- before)
      if budget <= 0 { break }
    }
    driver.queue()
  }

  /// Turns what the session wants to send into output, up to a bound.
  func produce() {
    record.isFull = false
    while connection.record.output.count < Self.framedAtOnce {
      let bytes = record.session.produce()
      if bytes.isEmpty { return }
      connection.record.output.append(bytes, &worker.record.thread.record.pool)
    }
    record.isFull = true
  }

  private func advanceStreams() {
    // Streams that are queued again meanwhile get their turn after the others.
    var budget = record.count
    while budget > 0, let request = popReady() {
      budget -= 1
      channel(of: request).advance()
    }
  }

  // MARK: The end

  /// Sends GOAWAY with a reason and ends all streams.
  func abort(_ fault: Refusal) {
    worker.record.slot.countRefusal(Int(fault.rawValue))
    if !connection.record.flags.contains(.hasLoggedRefusal) {
      connection.record.flags.insert(.hasLoggedRefusal)
      worker.log(
        limited: .refusal(fault), "HTTP/2 connection of \(worker.peer(of: connection)) ended: \(fault.reason)")
    }
    record.isEnding = true
    record.shutdown = .refusing
    abortStreams(.closed)
    driver.queue()
  }

  /// Ends all streams, except those whose handler has not returned.
  func abortStreams(_ why: CallStatus) {
    visit { request in
      let channel = channel(of: request)
      if !request.record.stream.flags.contains(.framed) || channel.waitsForSocket { channel.noteAborted(why) }
      request.record.stream.flags.insert(.closed)
      if request.record.exchange == nil || channel.abortExchange(why) { channel.release() }
    }
  }

  /// Ends the connection without sending the queue: its content would desynchronize the client's framing.
  @inline(never)
  func abortOutOfStep() {
    worker.record.log.critical(
      "a frame to \(worker.peer(of: connection)) does not hold what its header says: the connection is closed; please report it"
    )
    connection.discardOutput(&worker.record.thread.record.pool)
    connection.record.flags.formUnion([.severed, .broken])
    driver.queue()
  }

  /// The connection no longer speaks HTTP/2: this record is invalid from here on.
  func release() {
    worker.record.sessions.count()
    connection.record.http2 = nil
    destroy()
  }

  /// How long a client may take to act on the first GOAWAY, and to acknowledge the PING after it. After that it has as
  /// long again for streams that it had begun by then: another thread of the client may be opening one while the
  /// acknowledgement is written.
  private var shutdownGrace: UInt64 {
    min(Clock.nanosecondsPerSecond, worker.record.draining.timeout / 6)
  }

  /// Sends GOAWAY for future streams, then, a moment after the client has acknowledged it, the final one (RFC 9113
  /// section 6.8).
  ///
  /// PING does not follow GOAWAY immediately. Apache httpd regards a connection as reusable if it has read both and has
  /// not answered the PING, and answers the next request with 502.
  private func advanceShutdown() {
    switch record.shutdown {
    case .none:
      record.shutdown = .announced
      record.shutdownDeadline = worker.record.clock.now &+ shutdownGrace
      record.session.announceShutdown()
      driver.lowerDeadline(record.shutdownDeadline)
      visit { channel(of: $0).queue() }
    case .announced:
      guard worker.record.clock.now >= record.shutdownDeadline else { return }
      // If GOAWAY has not been sent yet, the client reads nothing.
      guard record.session.sendShutdownPing() else { return refuseStreams() }
      record.shutdown = .asked
      record.shutdownDeadline = worker.record.clock.now &+ shutdownGrace
      driver.lowerDeadline(record.shutdownDeadline)
    case .asked:
      if record.session.isShutdownAcknowledged {
        record.shutdown = .heard
        record.shutdownDeadline = worker.record.clock.now &+ shutdownGrace
        driver.lowerDeadline(record.shutdownDeadline)
      } else if worker.record.clock.now >= record.shutdownDeadline {
        refuseStreams()
      }
    case .heard:
      if worker.record.clock.now >= record.shutdownDeadline { refuseStreams() }
    case .refusing: break
    }
  }

  func refuseStreams() {
    guard record.shutdown != .refusing else { return }
    record.shutdown = .refusing
    record.session.refuseStreams()
    driver.queue()
  }
}
