import Configuration
import HTTP
import Platform

// Accepting: when, how many, and how the workers that share a listener share its connections.

extension Worker {
  /// A pause after the process has run out of descriptors.
  private static let exhaustionPause: UInt64 = 100 * Clock.nanosecondsPerMillisecond

  /// Listens or stops listening, as the worker has room and is meant to serve.
  func updateAccepting() {
    if record.drain == .draining && hasLastClients { takeLastClients() }
    let hasRoom = !record.table.isFull && poolHasRoom
    let wanted = hasRoom && record.drain == .serving && record.now >= record.acceptAgainAt
    guard wanted != record.accepting else { return }
    record.accepting = wanted
    if !wanted && record.drain == .serving { record.slot.add(.acceptPauses) }
    let count = record.listeners.count
    for turn in 0..<count {
      // The kernel shows them in the order in which they were added.
      let index = (record.firstListener + turn) % count
      if wanted { listen(on: index) } else { stopListening(on: index) }
    }
    // What could not be registered is tried again in the next turn.
    if wanted { record.accepting = record.listeners.allSatisfy(\.isRegistered) }
  }

  /// Whether fewer requests than `server.queue` wait for a thread.
  private var poolHasRoom: Bool {
    guard let pool = record.pool else { return true }
    if waiting(pool) < record.settings.queue {
      if record.acceptPaused.load(ordering: .relaxed) { record.acceptPaused.store(false, ordering: .relaxed) }
      return true
    }
    record.acceptPaused.store(true, ordering: .sequentiallyConsistent)
    // The threads may have taken them all before they could see that.
    return waiting(pool) < record.settings.queue
  }

  /// How many requests no thread has taken yet, but for those that only others of their own connection hold back.
  private func waiting(_ pool: ThreadPool) -> Int {
    let all = record.slot.count(.queued) &- record.slot.count(.dequeued)
    return Int(truncatingIfNeeded: all) &- pool.waitingForTurn.load(ordering: .relaxed)
  }

  func listen(on index: Int) {
    guard !record.listeners[index].isRegistered else { return }
    // Of several workers that wait, one is woken for a connection, not all.
    let interest: Epoll.Interest = record.sharesListeners ? [.readable, .exclusive] : .readable
    do throws(Errno) {
      try record.epoll.add(record.listeners[index].fd, interest, token: LoopToken.firstListener + UInt64(index))
      record.listeners[index].isRegistered = true
    } catch {
      record.log.error("\(error)")
    }
  }

  func stopListening(on index: Int) {
    guard record.listeners[index].isRegistered else { return }
    record.epoll.remove(record.listeners[index].fd)
    record.listeners[index].isRegistered = false
  }

  /// A listener has clients. A worker of one connection at a time serves one after the other, as far as its turn goes:
  /// where it has other listeners, theirs come after each.
  func acceptClients(on index: Int) {
    let isAlone = record.listeners.count == 1
    var rest = record.settings.keepsConnections || !isAlone ? 1 : Worker.connectionsPerTurn
    while rest > 0, record.listeners[index].isRegistered, accept(on: index) { rest -= 1 }
  }

  private static let connectionsPerTurn = 16

  /// Takes one connection; false if there is none.
  @discardableResult
  func accept(on index: Int) -> Bool {
    guard !record.table.isFull else { return false }
    switch Connections.accept(record.listeners[index].fd) {
    case .none: return false
    case .exhausted(let error):
      record.log.error("\(error); accepting pauses for 100 ms")
      record.acceptAgainAt = record.now + Worker.exhaustionPause
      return false
    case .connection(let fd, let peer):
      record.firstListener = (index + 1) % record.listeners.count
      open(fd, on: index, peer)
      if record.sharesListeners && record.accepting && record.listeners[index].isRegistered && !record.table.isFull {
        // The kernel wakes the first in its list of waiters, always; going to its end shares the load evenly.
        stopListening(on: index)
        listen(on: index)
        record.accepting = record.listeners[index].isRegistered
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
      record.log.error("\(error)")
      close(connection)
    }
  }
}
