import HTTP
import Platform
import PluginHost

/// What an epoll token stands for: a connection has its slot and generation, the others a mark in the top bits.
enum LoopToken {
  static let mark: UInt64 = 0xFFFF_FFFF_0000_0000
  static let wake: UInt64 = mark
  static let timer: UInt64 = mark | 1
  static let channel: UInt64 = mark | 2
  static let firstListener: UInt64 = mark | 0x100
}

// One turn of the loop: wait, read the clock, look at what is ready, run what is due.

extension Worker {
  func registerSources() throws(Errno) {
    try record.epoll.add(record.runtime.record.wake.raw, [.readable, .edgeTriggered], token: LoopToken.wake)
    try record.epoll.add(record.timer.raw, .readable, token: LoopToken.timer)
    try record.epoll.add(record.channel.raw, .readable, token: LoopToken.channel)
  }

  /// Serves until the worker is told to stop or has drained.
  func run() {
    raiseDescriptorLimit()
    updateClock()
    while true {
      updateAccepting()
      cutLateRequests()
      armTimer()
      if isFinished {
        tellHeldBack(at: .max)
        countLostLines()
        return
      }
      takeTurn()
    }
  }

  /// One turn: waits for something to do, and does it.
  ///
  /// - Parameter waits: false for a turn that ends at once where there is nothing, as tests want it.
  /// - Returns: whether there was anything to do.
  @inline(__always)
  @discardableResult
  func takeTurn(waits: Bool = true) -> Bool {
    let hasWork = record.firstQueued >= 0 || record.runtime.record.callbacks.nextMoment <= record.now
    let count = record.epoll.wait(milliseconds: hasWork || !waits ? 0 : -1)
    updateClock()
    for index in 0..<count { take(record.epoll[index]) }
    runCallbacks()
    expireDeadlines()
    tellHeldBack()
    lookAtQueued()
    record.pool?.release()
    writeAccessLog()
    if record.slot.count(.requests) >= record.lifetime { askForRelief() }
    return hasWork || count > 0
  }

  private func take(_ event: Epoll.Event) {
    if event.token & LoopToken.mark != LoopToken.mark {
      if let connection = record.table.find(event.token) { ready(connection, event.ready) }
      return
    }
    switch event.token {
    case LoopToken.wake:
      record.runtime.record.wake.acknowledge()
      record.mailbox.drain { self.lookAt($0) }
      if Signals.hasTerminated { beginDrain() }
    case LoopToken.timer: record.timer.acknowledge()
    case LoopToken.channel: readChannel()
    default: acceptClients(on: Int(event.token - LoopToken.firstListener))
    }
  }

  /// A new monotonic moment; the Date value follows when its second has changed.
  func updateClock() {
    let now = Clock.monotonic()
    record.now = now
    record.thread.record.cells?.busySince = now
    if now >= record.heartbeatDue { record.heartbeatDue = now &+ record.settings.timeouts.worker / 4 }
    if now >= record.secondEnds { updateDate(now) }
  }

  @inline(never)
  private func updateDate(_ now: UInt64) {
    let (second, passed) = Clock.epochNanoseconds().quotientAndRemainder(
      dividingBy: Int64(Clock.nanosecondsPerSecond))
    record.thread.record.date.update(second)
    if hasExcessMemory { trimMemory() }
    countLostLines()
    record.secondEnds = now &+ Clock.nanosecondsPerSecond &- UInt64(max(0, passed))
  }

  private func armTimer() {
    var next = min(record.wheel.nextMoment, record.runtime.record.callbacks.nextMoment)
    next = min(next, record.heartbeatDue)
    if let log = record.accessLog { next = min(next, log.dueAt) }
    if record.drain == .draining { next = min(next, nextDrainMoment, nextListenerEnd) }
    next = min(next, nextAccepting, nextLines)
    if hasExcessMemory { next = min(next, record.secondEnds) }
    record.timer.arm(next)
  }

  private func runCallbacks() {
    // Asked in each turn: nothing is retained for that.
    guard record.runtime.record.callbacks.nextMoment <= record.now else { return }
    let callbacks = record.runtime.record.callbacks
    let mark = callbacks.mark
    record.thread.record.cells?.flight = nil
    while let call = callbacks.takeDue(at: record.now, before: mark) { call.perform() }
  }

  private func expireDeadlines() {
    while let connection = record.wheel.takeExpired(at: record.now, record.table) { expire(connection) }
  }

  // MARK: Connections to look at

  /// Puts a connection on the list for this turn; at once harmless from inside a plugin's call.
  func queue(_ connection: Connection) {
    if connection.record.slot == record.pumped {
      record.isPumpedAgain = true
      return
    }
    guard !connection.record.isQueued else { return }
    connection.record.isQueued = true
    connection.record.nextQueued = -1
    if record.lastQueued >= 0 {
      record.table[Int(record.lastQueued)].record.nextQueued = connection.record.slot
    } else {
      record.firstQueued = connection.record.slot
    }
    record.lastQueued = connection.record.slot
  }

  private func lookAtQueued() {
    // What queues itself again meanwhile has its turn in the next round, after new events.
    var slot = record.firstQueued
    record.firstQueued = -1
    record.lastQueued = -1
    while slot >= 0 {
      let connection = record.table[Int(slot)]
      slot = connection.record.nextQueued
      connection.record.isQueued = false
      if connection.record.phase != .free { pump(connection) }
    }
  }

  private func ready(_ connection: Connection, _ ready: Epoll.Interest) {
    if connection.record.phase == .lent {
      connection.record.missed.formUnion(ready)
      if !ready.isDisjoint(with: [.peerClosed, .error, .hangUp]) {
        connection.record.request?.record.exchange?.noteDeparture()
      }
      if connection.record.loan.notice(), let request = connection.record.request { takeBack(request) }
      return
    }
    hear(connection, ready)
    pumpInLine(connection)
  }

  /// Notes what epoll has told of a connection that the loop owns.
  func hear(_ connection: Connection, _ ready: Epoll.Interest) {
    // Whatever it is, a thread that has the request has to say when it is done.
    if connection.record.phase == .exchange { _ = connection.record.loan.notice() }
    if ready.contains(.readable) { connection.record.flags.insert(.readable) }
    if ready.contains(.writable) { connection.record.flags.insert(.writable) }
    if ready.contains(.peerClosed) { connection.record.flags.formUnion([.peerClosed, .readable]) }
    if !connection.record.flags.isDisjoint(with: .crossed) { connection.crossOver(ready) }
    if ready.contains(.error) || ready.contains(.hangUp) { connection.record.flags.insert(.broken) }
  }
}
