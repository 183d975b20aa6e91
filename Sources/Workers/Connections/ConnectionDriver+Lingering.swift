import HTTP
import Platform

// After the last response the client's bytes are read and discarded. A close with unread bytes sends a reset, which may
// overtake the response (RFC 9112 section 9.6). Our side has ended, or ends when the rest of the last request's content
// has come or has stalled. None of these bytes is parsed as a request.

extension ConnectionDriver {
  /// The maximum time of lingering, and the longest pause between two bytes.
  private static let lingeringTime = 30 * Clock.nanosecondsPerSecond
  private static let lingeringPause = 5 * Clock.nanosecondsPerSecond
  /// The maximum time of lingering while the worker drains.
  private static let lastLingeringTime = 2 * Clock.nanosecondsPerSecond
  /// The maximum number of bytes read before other connections get their turn.
  private static let lingeringPerTurn = 256 << 10
  /// For content that delays the end of our side: the longest pause, and the maximum time in all.
  private static let restPause = 250 * Clock.nanosecondsPerMillisecond
  private static let restTime = Clock.nanosecondsPerSecond

  func beginLingering() {
    if connection.record.rest == 0 { connection.endOutput() }
    releaseRequest()
    releaseInput()
    makePlaceForLingering()
    connection.move(.sideEnded)
    worker.record.table.beginLingering()
    connection.record.flags.insert(.readable)
    connection.record.progress = TransferProgress()
    connection.record.progress.resume(worker.record.clock.now)
    connection.record.outputDeadline = .max
    connection.record.phaseDeadline = worker.record.clock.now &+ Self.lingeringTime
    waitForMore()
  }

  @inline(never)
  func linger() -> Bool {
    if worker.record.draining.stage != .serving { hurryLingering() }
    let scratch = worker.record.thread.record.pool.take(BufferPool.largeCapacity)
    defer { worker.record.thread.record.pool.give(scratch) }
    var budget = Self.lingeringPerTurn
    while budget > 0 {
      scratch.record.end = 0
      switch connection.receive(into: scratch) {
      case .bytes:
        connection.record.progress.moved(scratch.unreadCount, worker.record.clock.now)
        budget -= scratch.unreadCount
        if connection.record.rest > 0 { countRest(scratch) }
      case .none:
        waitForMore()
        return connection.record.flags.contains(.broken)
      case .endOfFile:
        if connection.record.rest > 0 { _ = endSide() }
        close()
        return true
      }
    }
    queue()
    waitForMore()
    return false
  }

  /// Handles the deadline: lingering may be over, or unread bytes may have come.
  func expireLingering() {
    connection.record.flags.insert(.readable)
    if linger() {
      if connection.record.phase != .free { close() }
      return
    }
    if connection.record.rest > 0 && worker.record.clock.now < connection.record.phaseDeadline {
      if worker.record.clock.now < restEnd() || endSide() { return waitForMore() }
      return setDeadline(worker.record.clock.now &+ Self.restPause)
    }
    let verdict = connection.record.progress.judge(
      worker.record.clock.now, timeout: Self.lingeringPause, rate: worker.minRate(of: connection))
    if case .fine = verdict, worker.record.clock.now < connection.record.phaseDeadline {
      waitForMore()
    } else {
      close()
    }
  }

  private func waitForMore() {
    if connection.record.rest > 0 { return setDeadline(restEnd()) }
    let moment = connection.record.progress.nextJudgement(timeout: Self.lingeringPause)
    setDeadline(min(moment, connection.record.phaseDeadline))
  }

  /// Counts bytes of the last request's content, which others may follow.
  private func countRest(_ input: Buffer) {
    if connection.record.rest != .max {
      connection.record.rest = max(0, connection.record.rest - Int64(input.unreadCount))
    } else if unsafe worker.record.table.endsUnreadBody(
      connection, Bytes(base: UnsafePointer(input.unread), count: input.unreadCount))
    {
      connection.record.rest = 0
    }
    if connection.record.rest == 0 && !endSide() { connection.record.rest = 1 }
  }

  /// When our side ends, even if the content is still incomplete.
  private func restEnd() -> UInt64 {
    let latest = connection.record.phaseDeadline &- Self.lingeringTime &+ Self.restTime
    return min(connection.record.progress.lastByte &+ Self.restPause, latest)
  }

  /// Ends our side; false if the socket does not accept the end of TLS now.
  private func endSide() -> Bool {
    if connection.record.tls != nil {
      guard connection.endSecurity() else { return false }
      worker.record.sessions.count()
    }
    forgetRest()
    connection.endOutput()
    return true
  }

  /// Stops waiting for the content.
  func forgetRest() {
    if connection.record.rest == .max { worker.record.table.setUnreadBody(connection, nil) }
    connection.record.rest = 0
  }

  private func hurryLingering() {
    connection.record.phaseDeadline = min(
      connection.record.phaseDeadline, worker.record.clock.now &+ Self.lastLingeringTime)
  }

  /// A worker that serves one connection at a time has a separate limit for lingering connections. When it is reached,
  /// the connection that has lingered longest is closed.
  private func makePlaceForLingering() {
    guard worker.record.table.isFullOfLingering, let oldest = worker.record.table.longestLingering() else { return }
    worker.driver(oldest).close()
  }
}
