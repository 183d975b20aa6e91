import HTTP
import Platform
import PluginHost

/// The meaning of an epoll token: slot and epoch for a connection, a mark in the top bits for anything else.
enum LoopToken {
  static let mark: UInt64 = 0xFFFF_FFFF_0000_0000
  static let wake: UInt64 = mark
  static let timer: UInt64 = mark | 1
  static let channel: UInt64 = mark | 2
  static let shutdownPipe: UInt64 = mark | 3
  static let watches: UInt64 = mark | 4
  static let firstListener: UInt64 = mark | 0x100
}

// One turn of the loop: waits, reads the clock, handles events, runs what is due.

extension Worker {
  func registerSources() throws(Errno) {
    try record.epoll.add(record.runtime.record.wake.raw, [.readable, .edgeTriggered], token: LoopToken.wake)
    try record.epoll.add(record.timer.raw, .readable, token: LoopToken.timer)
    try record.epoll.add(record.channel.raw, .readable, token: LoopToken.channel)
    guard record.shutdownPipe >= 0 else { return }
    // Nobody reads from the pipe, so only new data is to be reported.
    try record.epoll.add(record.shutdownPipe, [.readable, .edgeTriggered], token: LoopToken.shutdownPipe)
  }

  /// Serves until the worker is told to stop or has drained.
  func run() {
    updateClock()
    while beginTurn() { takeTurn() }
  }

  /// Prepares the next turn of a serving worker.
  ///
  /// - Returns: false if there is no further turn, since the worker stops or has drained.
  @inline(__always)
  func beginTurn() -> Bool {
    if record.draining.stage == .draining { advanceDrain() }
    updateAccepting()
    armTimer()
    guard isFinished else { return true }
    logHeldBack(at: .max)
    countLostLines()
    return false
  }

  /// Runs one turn: waits for work and does it.
  ///
  /// - Parameter waits: false for a turn that does not wait, as tests need it.
  /// - Returns: whether there was any work.
  @inline(__always)
  @discardableResult
  func takeTurn(waits: Bool = true) -> Bool {
    let hasWork = hasWork
    let count = record.epoll.wait(milliseconds: hasWork || !waits ? 0 : -1)
    updateClock()
    for index in 0..<count { take(record.epoll[index]) }
    runCallbacks()
    expireDeadlines()
    logHeldBack()
    advanceQueuedConnections()
    record.pool?.release()
    writeAccessLog()
    if record.recycling.takeDue() { requestReplacement() }
    return hasWork || count > 0
  }

  /// Whether there is work that no descriptor reports.
  @inline(__always)
  var hasWork: Bool {
    !record.ready.isEmpty || record.runtime.record.callbacks.nextDeadline <= record.clock.now
  }

  private func take(_ event: Epoll.Event) {
    if event.token & LoopToken.mark != LoopToken.mark {
      if let connection = record.table.find(event.token) { driver(connection).ready(event.ready) }
      return
    }
    switch event.token {
    case LoopToken.wake:
      record.runtime.record.wake.acknowledge()
      record.mailbox.drain { self.handlePosted($0) }
      record.runtime.performWakes(record.plugins)
      if Signals.hasTerminated { beginDrain() }
    case LoopToken.timer: record.timer.acknowledge()
    case LoopToken.channel: readChannel()
    case LoopToken.shutdownPipe: handleSupervisorOrder()
    case LoopToken.watches: callWatches()
    default: acceptClients(on: Int(event.token - LoopToken.firstListener))
    }
  }

  /// Reads the clock; updates the Date value when the second has changed.
  func updateClock() {
    let now = Clock.monotonic()
    record.thread.record.cells?.busySince = now
    if record.clock.update(now) { updateDate() }
  }

  @inline(never)
  private func updateDate() {
    let (second, passed) = Clock.epochNanoseconds().quotientAndRemainder(
      dividingBy: Int64(Clock.nanosecondsPerSecond))
    record.thread.record.date.update(second)
    if hasExcessMemory { trimMemory() }
    countLostLines()
    record.clock.beginSecond(passed: passed)
  }

  func armTimer() {
    var next = min(record.wheel.nextMoment, record.runtime.record.callbacks.nextDeadline)
    next = min(next, record.clock.heartbeatDue)
    if let log = record.accessLog { next = min(next, log.dueAt) }
    if record.draining.stage == .draining {
      next = min(next, record.draining.nextMoment, record.acceptor.nextListenerClose(record.clock.now))
    }
    next = min(next, record.acceptor.nextCheck(record.clock.now, isTableFull: record.table.isFull), nextLines)
    if hasExcessMemory || ErrorLog.hasUncountedLostLines { next = min(next, record.clock.secondEnds) }
    record.timer.arm(next)
  }

  private func runCallbacks() {
    // Checked in each turn, so without retaining anything.
    guard record.runtime.record.callbacks.nextDeadline <= record.clock.now else { return }
    let callbacks = record.runtime.record.callbacks
    let mark = callbacks.mark
    record.thread.record.cells?.flight = nil
    while let call = callbacks.takeDue(at: record.clock.now, before: mark) { call.perform() }
  }

  private func expireDeadlines() {
    while let connection = record.wheel.takeExpired(at: record.clock.now, record.table) { driver(connection).expire() }
  }

  // MARK: Connections to look at

  private func advanceQueuedConnections() {
    guard !record.ready.isEmpty else { return }
    var batch = record.ready.takeAll()
    while let connection = batch.pop(record.table) { driver(connection).pumpOutlined() }
  }
}
