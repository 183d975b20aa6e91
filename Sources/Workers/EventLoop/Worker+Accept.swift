import Configuration
import HTTP
import Platform
import Synchronization

// Accepting connections: when, how many, and how workers that share a listener share its connections.

extension Worker {
  /// The pause after the process has run out of descriptors.
  private static let exhaustionPause: UInt64 = 100 * Clock.nanosecondsPerMillisecond

  /// Starts or stops listening, according to the worker's room and stage.
  func updateAccepting() {
    if record.draining.stage == .draining && record.acceptor.hasBacklogToDrain { drainBacklogs() }
    checkDeferredConnections()
    let wanted = wantedMode()
    guard wanted != record.acceptor.mode else { return }
    if wanted == .paused && record.draining.stage == .serving { record.slot.add(.acceptPauses) }
    record.slot.capacityHints.report(wanted == .accepting)
    if let error = record.acceptor.change(to: wanted, record.epoll) { logEpollFailure(error) }
  }

  private func wantedMode() -> AcceptMode {
    // A worker that serves one connection at a time accepts the next when it is done.
    guard record.draining.stage == .serving,
      record.acceptor.hasPlace(
        record.clock.now, isTableFull: record.table.isFull, evicts: record.settings.keepsConnections)
    else { return .paused }
    guard let pool = record.pool else { return isCrowded(nil) ? .watching : .accepting }
    return wantedMode(pool)
  }

  private func wantedMode(_ pool: ThreadPool) -> AcceptMode {
    let mode = presentMode(pool)
    if mode == .accepting { return mode }
    // A thread that makes room wakes the loop. One may have made room just before it could see that, so the load is
    // read again.
    pool.tellsRoom.store(true, ordering: .sequentiallyConsistent)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return presentMode(pool)
  }

  private func presentMode(_ pool: ThreadPool) -> AcceptMode {
    let load = load(of: pool)
    if load.waiting >= record.settings.queue { return .paused }
    return isCrowded(load) ? .watching : .accepting
  }

  private func isCrowded(_ load: PoolLoad?) -> Bool {
    record.acceptor.isShared && record.settings.keepsConnections
      && record.acceptor.crowding.update(record.clock.now, isFull: record.table.isFull, load: load)
  }

  private func load(of pool: ThreadPool) -> PoolLoad {
    let dequeued = record.slot.count(.dequeued)
    let all = Int(truncatingIfNeeded: record.slot.count(.queued) &- dequeued)
    return PoolLoad(
      idle: pool.idle.load(ordering: .relaxed), waiting: all &- pool.waitingForTurn.load(ordering: .relaxed),
      dequeued: dequeued)
  }

  private func logEpollFailure(_ error: Errno) {
    log(limited: .epollFailure, "\(error)")
  }

  /// Accepts connections of a listener that is ready. A worker that serves one connection at a time accepts several in
  /// a turn if this is its only listener, else one, so that listeners take turns.
  func acceptClients(on index: Int) {
    if record.acceptor.mode == .watching { return deferNewConnection() }
    let isAlone = record.acceptor.listeners.count == 1
    var rest = record.settings.keepsConnections || !isAlone ? 1 : Worker.connectionsPerTurn
    while rest > 0, record.acceptor.listeners[index].isRegistered, accept(on: index) { rest -= 1 }
  }

  private static let connectionsPerTurn = 16

  /// Accepts one connection; false if there is none.
  private func accept(on index: Int) -> Bool {
    if record.table.isFull {
      guard record.acceptor.mayEvict(record.clock.now, record.settings.keepsConnections), makeRoom() else {
        return false
      }
    }
    let listener = record.acceptor.listeners[index].fd
    var accepted = ConnectedSocket.accept(listener)
    if case .exhausted(let error) = accepted, makeRoom(after: error) { accepted = ConnectedSocket.accept(listener) }
    switch accepted {
    case .none: return false
    case .exhausted(let error):
      log(limited: .exhaustion, "\(error); accepting pauses for 100 ms")
      record.acceptor.pause(until: record.clock.now + Worker.exhaustionPause)
      return false
    case .connection(let fd, let peer):
      // Before the connection is served: a client that comes when it has its response meets the next worker.
      if let error = record.acceptor.passTurn(of: index, record.epoll) { logEpollFailure(error) }
      open(fd, on: index, peer)
      return true
    }
  }

  private func open(_ fd: CInt, on index: Int, _ peer: Peer) {
    guard let connection = record.table.open(fd, listener: index, peer: peer) else {
      ConnectedSocket.close(fd)
      return
    }
    record.slot.add(.connections)
    guard driver(connection).applyPeerPolicy(peer),
      connection.record.phase == .proxyHeader || driver(connection).beginTLS()
    else {
      return
    }
    // The head deadline applies from the start: the first request counts as begun.
    connection.record.deadline = record.clock.now &+ record.settings.timeouts.head
    // A worker that serves one connection at a time reads at once. It uses wheel and epoll only if it has to wait.
    if !record.settings.keepsConnections {
      connection.record.flags.insert(.readable)
      driver(connection).pumpOutlined()
      if connection.record.phase == .free { return }
    }
    record.wheel.schedule(connection, record.table)
    register(connection)
  }

  private func register(_ connection: Connection) {
    do throws(Errno) {
      try record.epoll.add(
        connection.record.fd, [.readable, .writable, .peerClosed, .edgeTriggered], token: connection.token)
      connection.record.flags.insert(.registered)
    } catch {
      logEpollFailure(error)
      driver(connection).close()
    }
  }

  // MARK: Connections that were left to others

  /// Leaves a new connection to other workers that have been told about it, or accepts it.
  @inline(never)
  private func deferNewConnection() {
    if !record.acceptor.crowding.leaveToOthers(
      record.clock.now, isRoomElsewhere: record.slot.capacityHints.othersHaveCapacity)
    {
      acceptDeferredConnections()
    }
  }

  private func checkDeferredConnections() {
    guard record.acceptor.crowding.isCheckDue(record.clock.now) else { return }
    record.acceptor.crowding.beginCheck()
    guard record.acceptor.mode == .watching, record.acceptor.hasNewConnections,
      record.acceptor.crowding.acceptsWaiting(
        record.clock.now, isRoomElsewhere: record.slot.capacityHints.othersHaveCapacity)
    else { return }
    acceptDeferredConnections()
  }

  /// Accepts waiting connections that no other worker has accepted.
  private func acceptDeferredConnections() {
    for index in record.acceptor.listeners.indices {
      var rest = Worker.deferredPerTurn
      while rest > 0, record.acceptor.listeners[index].isRegistered, accept(on: index) { rest -= 1 }
      if rest == 0 { record.acceptor.crowding.checkAgain(record.clock.now) }
    }
  }

  private static let deferredPerTurn = 64

  // MARK: Draining

  /// Accepts the connections in the backlogs, as far as there is room, and closes each listener whose backlog is empty.
  func closeListeners() {
    record.acceptor.beginDrain(record.clock.now, record.epoll)
    record.slot.capacityHints.report(false)
    drainBacklogs()
  }

  /// Accepts connections that had no room before, and new ones.
  @inline(never)
  private func drainBacklogs() {
    for index in record.acceptor.listeners.indices {
      while record.acceptor.listeners[index].backlogToDrain > 0 {
        if record.table.isFull { return record.acceptor.pauseBacklogDrain(record.epoll) }
        record.acceptor.countFromBacklog(of: index)
        if !accept(on: index) { break }
      }
      if let error = record.acceptor.endBacklogDrain(of: index, record.clock.now, record.epoll) {
        logEpollFailure(error)
      }
    }
  }
}
