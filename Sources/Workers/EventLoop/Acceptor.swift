import HTTP
import Platform

/// How a worker listens.
enum AcceptMode {
  /// It accepts nothing.
  case paused
  /// It has no room. It is told about new connections, but does not take wake-ups from workers that have room.
  case watching
  case accepting
}

/// Where a listener's connections come from.
struct Listener {
  let fd: CInt
  let isUnix: Bool
  /// The bound address as text, and its port.
  let serverAddress: Bytes
  let serverPort: UInt16
  /// Registered with epoll.
  fileprivate(set) var isRegistered = false
  /// How many connections of its backlog a draining worker still accepts.
  fileprivate(set) var backlogToDrain = 0
  /// When a draining worker stops waiting for further connections; 0 if it accepts only those that are already there.
  fileprivate(set) var backlogDrainEnd: UInt64 = 0
  fileprivate(set) var isClosed = false

  init(fd: CInt, isUnix: Bool, serverAddress: Bytes, serverPort: UInt16) {
    self.fd = fd
    self.isUnix = isUnix
    self.serverAddress = serverAddress
    self.serverPort = serverPort
  }
}

/// The listeners of a worker: when it accepts, and how workers that share listeners share the connections.
struct Acceptor {
  private(set) var listeners: [Listener]
  /// Several workers share them.
  let isShared: Bool
  private(set) var mode = AcceptMode.paused
  var crowding = Crowding()
  /// The listener that is served first when accepting resumes: the one after the last served.
  private var first = 0
  /// No connection is accepted before this time, since the process had no descriptor left.
  private var pausedUntil: UInt64 = 0
  /// While the table is full, no connection is accepted before this time, since no idle connection could be closed.
  private var fullUntil: UInt64 = 0

  init(_ listeners: [Listener], isShared: Bool) {
    self.listeners = listeners
    self.isShared = isShared
  }

  // MARK: Whether to accept

  /// Whether there is room for a new connection, or room can be made.
  ///
  /// - Parameter evicts: whether idle connections are closed for new ones.
  func hasPlace(_ now: UInt64, isTableFull: Bool, evicts: Bool) -> Bool {
    now >= pausedUntil && (!isTableFull || mayEvict(now, evicts))
  }

  func mayEvict(_ now: UInt64, _ evicts: Bool) -> Bool { evicts && now >= fullUntil }

  mutating func pause(until moment: UInt64) { pausedUntil = moment }

  /// No connection could be closed for a new one: does not try again before `moment`.
  mutating func stopEvicting(until moment: UInt64) { fullUntil = moment }

  /// The next time at which accepting has to be reconsidered; `.max` for none.
  func nextCheck(_ now: UInt64, isTableFull: Bool) -> UInt64 {
    var next = crowding.checkAt
    if mode != .paused { next = min(next, crowding.sampleAt) }
    if pausedUntil > now { next = min(next, pausedUntil) }
    if fullUntil > now && isTableFull { next = min(next, fullUntil) }
    return next
  }

  // MARK: Listening

  /// Changes how the worker listens. A listener that could not be registered is tried again with the next change.
  ///
  /// - Returns: why a listener could not be registered, if so.
  mutating func change(to wanted: AcceptMode, _ epoll: borrowing Epoll) -> Errno? {
    let before = mode
    mode = wanted
    var failure: Errno?
    for turn in listeners.indices {
      // The kernel reports the listeners in the order in which they were added.
      let index = (first + turn) % listeners.count
      if before != .paused { stopListening(on: index, epoll) }
      if wanted != .paused { failure = listen(on: index, epoll) ?? failure }
    }
    retryListening()
    return failure
  }

  private mutating func retryListening() {
    if mode != .paused && !listeners.allSatisfy(\.isRegistered) { mode = .paused }
  }

  private mutating func listen(on index: Int, _ epoll: borrowing Epoll) -> Errno? {
    guard !listeners[index].isRegistered else { return nil }
    do throws(Errno) {
      try epoll.add(listeners[index].fd, interest, token: LoopToken.firstListener + UInt64(index))
      listeners[index].isRegistered = true
      return nil
    } catch {
      return error
    }
  }

  /// A new connection wakes one of the workers that wait for it, not all. Those that only watch are woken as well.
  private var interest: Epoll.Interest {
    if mode == .watching { return [.readable, .edgeTriggered] }
    return isShared ? [.readable, .exclusive] : .readable
  }

  private mutating func stopListening(on index: Int, _ epoll: borrowing Epoll) {
    guard listeners[index].isRegistered else { return }
    epoll.remove(listeners[index].fd)
    listeners[index].isRegistered = false
  }

  /// A connection was accepted: the next one goes to another worker or listener.
  mutating func passTurn(of index: Int, _ epoll: borrowing Epoll) -> Errno? {
    first = (index + 1) % listeners.count
    guard isShared && mode == .accepting && listeners[index].isRegistered else { return nil }
    // The kernel always wakes the first of its list of waiters. Moving to the end of the list spreads the load evenly.
    stopListening(on: index, epoll)
    let failure = listen(on: index, epoll)
    retryListening()
    return failure
  }

  /// Whether connections that were left to other workers still wait.
  var hasNewConnections: Bool { listeners.contains { ListeningSocket.hasPendingConnections($0.fd) } }

  // MARK: Draining
  //
  // A draining worker serves the clients that wait in the backlogs of its listeners, since closing the last copy of a
  // socket resets them. If other workers keep the socket, it accepts only as many as waited when draining began. If
  // none does, it accepts all that still come.

  mutating func beginDrain(_ now: UInt64, _ epoll: borrowing Epoll) {
    for index in listeners.indices {
      let fd = listeners[index].fd
      if ListeningSocket.refusesNewConnections(fd) {
        listeners[index].backlogDrainEnd = now &+ ListeningSocket.handshakeTime
        listeners[index].backlogToDrain = .max
      } else {
        stopListening(on: index, epoll)
        listeners[index].backlogToDrain = ListeningSocket.backlogLength(fd)
      }
    }
    mode = .paused
  }

  /// Counts a connection that is about to be accepted from a backlog.
  mutating func countFromBacklog(of index: Int) { listeners[index].backlogToDrain -= 1 }

  /// The backlog is empty: waits for further connections, or closes the listener.
  mutating func endBacklogDrain(of index: Int, _ now: UInt64, _ epoll: borrowing Epoll) -> Errno? {
    guard !listeners[index].isClosed else { return nil }
    if now < listeners[index].backlogDrainEnd { return listen(on: index, epoll) }
    stopListening(on: index, epoll)
    listeners[index].backlogToDrain = 0
    listeners[index].isClosed = true
    ConnectedSocket.close(listeners[index].fd)
    return nil
  }

  /// Stops listening until there is room.
  mutating func pauseBacklogDrain(_ epoll: borrowing Epoll) {
    for index in listeners.indices { stopListening(on: index, epoll) }
  }

  /// Whether connections of a backlog still have to be served.
  var hasBacklogToDrain: Bool { listeners.contains { $0.backlogToDrain > 0 } }

  /// When the next listener is to be closed; `.max` if none is waiting to be.
  func nextListenerClose(_ now: UInt64) -> UInt64 {
    listeners.reduce(.max) { $1.backlogDrainEnd > now ? min($0, $1.backlogDrainEnd) : $0 }
  }
}
