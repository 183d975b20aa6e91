import Configuration
import HTTP
import Platform
import Synchronization

// Accepting: when, how many, and how the workers that share a listener share its connections.

extension Worker {
  /// A pause after the process has run out of descriptors.
  private static let exhaustionPause: UInt64 = 100 * Clock.nanosecondsPerMillisecond

  /// Listens or stops listening, as the worker has room and is meant to serve.
  func updateAccepting() {
    if record.drain == .draining && hasLastClients { takeLastClients() }
    lookAfterNewcomers()
    let wanted = wantedAttention()
    guard wanted != record.attention else { return }
    let before = record.attention
    record.attention = wanted
    if wanted == .none && record.drain == .serving { record.slot.add(.acceptPauses) }
    record.slot.room.tell(wanted == .taking)
    let count = record.listeners.count
    for turn in 0..<count {
      // The kernel shows them in the order in which they were added.
      let index = (record.firstListener + turn) % count
      if before != .none { stopListening(on: index) }
      if wanted != .none { listen(on: index) }
    }
    retryListening()
  }

  /// What could not be registered is tried again in the next turn.
  private func retryListening() {
    if record.attention != .none && !record.listeners.allSatisfy(\.isRegistered) { record.attention = .none }
  }

  private func wantedAttention() -> Attention {
    guard record.drain == .serving, record.now >= record.acceptAgainAt, hasPlace else { return .none }
    guard let pool = record.pool else { return isCrowded() ? .watching : .taking }
    return wantedAttention(pool)
  }

  /// Whether there is a place for a newcomer, or there could be one. A worker of one connection at a time is done with it
  /// first.
  private var hasPlace: Bool {
    !record.table.isFull || record.settings.keepsConnections && record.now >= record.makeRoomAgainAt
  }

  private func wantedAttention(_ pool: ThreadPool) -> Attention {
    let attention = presentAttention(pool)
    if attention == .taking { return attention }
    // Whoever makes room wakes the loop; they may have made some before they could see that.
    pool.tellsRoom.store(true, ordering: .sequentiallyConsistent)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    return presentAttention(pool)
  }

  private func presentAttention(_ pool: ThreadPool) -> Attention {
    if waiting(pool) >= record.settings.queue { return .none }
    return isCrowded() ? .watching : .taking
  }

  /// How many requests no thread has taken yet, but for those that only others of their own connection hold back.
  func waiting(_ pool: ThreadPool) -> Int {
    let all = record.slot.count(.queued) &- record.slot.count(.dequeued)
    return Int(truncatingIfNeeded: all) &- pool.waitingForTurn.load(ordering: .relaxed)
  }

  /// When something about accepting is to be looked at again; `.max` if nothing is.
  var nextAccepting: UInt64 {
    var next = record.crowding.lookAt
    if record.attention != .none { next = min(next, record.crowding.sampleAt) }
    if record.acceptAgainAt > record.now { next = min(next, record.acceptAgainAt) }
    if record.makeRoomAgainAt > record.now && record.table.isFull { next = min(next, record.makeRoomAgainAt) }
    return next
  }

  private func tellFailure(_ error: Errno) {
    guard let heldBack = record.lines.admitFailure(record.now) else { return }
    record.log.error("\(error)\(LineRate.note(heldBack))")
  }

  func listen(on index: Int) {
    guard !record.listeners[index].isRegistered else { return }
    do throws(Errno) {
      try record.epoll.add(
        record.listeners[index].fd, listeningInterest, token: LoopToken.firstListener + UInt64(index))
      record.listeners[index].isRegistered = true
    } catch {
      tellFailure(error)
    }
  }

  /// Of several workers that wait, one is woken for a connection, not all; who only watches is woken besides.
  private var listeningInterest: Epoll.Interest {
    if record.attention == .watching { return [.readable, .edgeTriggered] }
    return record.sharesListeners ? [.readable, .exclusive] : .readable
  }

  func stopListening(on index: Int) {
    guard record.listeners[index].isRegistered else { return }
    record.epoll.remove(record.listeners[index].fd)
    record.listeners[index].isRegistered = false
  }

  /// A listener has clients. A worker of one connection at a time serves one after the other, as far as its turn goes:
  /// where it has other listeners, theirs come after each.
  func acceptClients(on index: Int) {
    if record.attention == .watching { return noticeNewcomer() }
    let isAlone = record.listeners.count == 1
    var rest = record.settings.keepsConnections || !isAlone ? 1 : Worker.connectionsPerTurn
    while rest > 0, record.listeners[index].isRegistered, accept(on: index) { rest -= 1 }
  }

  private static let connectionsPerTurn = 16

  /// Takes one connection; false if there is none.
  @discardableResult
  func accept(on index: Int) -> Bool {
    if record.table.isFull {
      guard record.settings.keepsConnections, record.now >= record.makeRoomAgainAt, makeRoom() else { return false }
    }
    switch Connections.accept(record.listeners[index].fd) {
    case .none: return false
    case .exhausted(let error):
      if let heldBack = record.lines.admitExhaustion(record.now) {
        record.log.error("\(error); accepting pauses for 100 ms\(LineRate.note(heldBack))")
      }
      record.acceptAgainAt = record.now + Worker.exhaustionPause
      return false
    case .connection(let fd, let peer):
      record.firstListener = (index + 1) % record.listeners.count
      open(fd, on: index, peer)
      if record.sharesListeners && record.attention == .taking && record.listeners[index].isRegistered {
        // The kernel wakes the first in its list of waiters, always; going to its end shares the load evenly.
        stopListening(on: index)
        listen(on: index)
        retryListening()
      }
      return true
    }
  }

  private func open(_ fd: CInt, on index: Int, _ peer: Peer) {
    guard let connection = record.table.open(fd, listener: index, peer: peer) else {
      Connections.close(fd)
      return
    }
    record.slot.add(.connections)
    guard greet(connection, peer), connection.record.phase == .proxyHeader || secure(connection) else { return }
    // The first request has begun, as far as the client's patience is ours: the head deadline.
    connection.record.deadline = record.now &+ record.settings.timeouts.head
    // A worker that does nothing else meanwhile reads at once, and asks wheel and epoll only if it must wait.
    if !record.settings.keepsConnections {
      connection.record.flags.insert(.readable)
      pump(connection)
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
      tellFailure(error)
      close(connection)
    }
  }
}
