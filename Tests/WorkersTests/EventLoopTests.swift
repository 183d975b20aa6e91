import Glibc
import HTTP
import Platform
import Testing

@testable import Workers

/// Connections in a table, without sockets.
private func connections(_ count: Int, in table: inout ConnectionTable) -> [Connection] {
  (0..<count).compactMap { _ in table.open(-1, listener: 0, peer: .nobody) }
}

@Suite struct DeadlineWheelTests {
  private let tick = DeadlineWheel.tick
  private let start = 1000 * DeadlineWheel.tick

  @Test func aConnectionExpiresOnceAndNotBeforeItsDeadline() {
    var table = ConnectionTable(capacity: 4)
    var wheel = DeadlineWheel(now: start)
    let connection = connections(1, in: &table)[0]
    connection.record.deadline = start + 10 * tick
    wheel.schedule(connection, table)
    holds(wheel.takeExpired(at: start + 9 * tick, table) == nil)
    holds(wheel.takeExpired(at: start + 12 * tick, table)?.record.slot == connection.record.slot)
    holds(wheel.takeExpired(at: start + 2000 * tick, table) == nil)
    holds(wheel.nextMoment == .max)
  }

  /// A later deadline is only stored: the wheel finds it when the former one would have been due.
  @Test func aDeadlineThatMovesOnCostsNoMove() {
    var table = ConnectionTable(capacity: 4)
    var wheel = DeadlineWheel(now: start)
    let connection = connections(1, in: &table)[0]
    connection.record.deadline = start + 5 * tick
    wheel.schedule(connection, table)
    let before = connection.record.wheelTick
    connection.record.deadline = start + 50 * tick
    holds(DeadlineWheel.isInTime(connection))
    wheel.schedule(connection, table)
    holds(connection.record.wheelTick == before)
    holds(wheel.takeExpired(at: start + 49 * tick, table) == nil)
    holds(wheel.takeExpired(at: start + 52 * tick, table) != nil)
  }

  @Test func anEarlierDeadlineMovesAtOnce() {
    var table = ConnectionTable(capacity: 4)
    var wheel = DeadlineWheel(now: start)
    let connection = connections(1, in: &table)[0]
    connection.record.deadline = start + 500 * tick
    wheel.schedule(connection, table)
    connection.record.deadline = start + 2 * tick
    holds(!DeadlineWheel.isInTime(connection))
    wheel.schedule(connection, table)
    holds(wheel.nextMoment <= start + 4 * tick)
    holds(wheel.takeExpired(at: start + 4 * tick, table) != nil)
  }

  /// Beyond the wheel's reach a connection goes round as often as it takes.
  @Test func aDeadlineBeyondOneTurnOfTheWheelIsKept() {
    var table = ConnectionTable(capacity: 4)
    var wheel = DeadlineWheel(now: start)
    let connection = connections(1, in: &table)[0]
    connection.record.deadline = start + 5000 * tick
    wheel.schedule(connection, table)
    var now = start
    while now < start + 4999 * tick {
      now += 100 * tick
      if now < connection.record.deadline { holds(wheel.takeExpired(at: now, table) == nil) }
    }
    holds(wheel.takeExpired(at: start + 5002 * tick, table) != nil)
  }

  @Test func manyExpireTogetherAndOneThatIsRemovedDoesNot() {
    var table = ConnectionTable(capacity: 8)
    var wheel = DeadlineWheel(now: start)
    let all = connections(5, in: &table)
    for connection in all {
      connection.record.deadline = start + 3 * tick
      wheel.schedule(connection, table)
    }
    wheel.remove(all[2], table)
    var expired: Set<Int32> = []
    while let connection = wheel.takeExpired(at: start + 10 * tick, table) { expired.insert(connection.record.slot) }
    holds(expired == [0, 1, 3, 4])
  }
}

@Suite struct ReadyListTests {
  @Test func aConnectionStandsInItOnce() {
    var table = ConnectionTable(capacity: 4)
    var list = ReadyList()
    let all = connections(3, in: &table)
    for connection in [all[1], all[0], all[1], all[2]] { list.append(connection, table) }
    var batch = list.takeAll()
    var slots: [Int32] = []
    while let connection = batch.pop(table) { slots.append(connection.record.slot) }
    holds(slots == [1, 0, 2])
    holds(list.isEmpty)
  }

  @Test func whatIsAppendedMeanwhileWaitsForTheNextTurn() {
    var table = ConnectionTable(capacity: 4)
    var list = ReadyList()
    let all = connections(2, in: &table)
    list.append(all[0], table)
    var batch = list.takeAll()
    holds(batch.pop(table) != nil)
    list.append(all[0], table)
    list.append(all[1], table)
    holds(batch.pop(table) == nil)
    holds(!list.isEmpty)
  }

  /// A plugin's call may append the connection that is being moved.
  @Test func theCurrentConnectionIsOnlyMarked() {
    var table = ConnectionTable(capacity: 4)
    var list = ReadyList()
    let connection = connections(1, in: &table)[0]
    list.begin(connection)
    holds(!list.isCurrentAgain)
    list.append(connection, table)
    holds(list.isCurrentAgain && list.isEmpty)
    list.end()
    list.append(connection, table)
    holds(!list.isEmpty)
  }

  @Test func oneThatHasClosedIsLeftOut() {
    var table = ConnectionTable(capacity: 4)
    var list = ReadyList()
    let all = connections(2, in: &table)
    list.append(all[0], table)
    list.append(all[1], table)
    table.close(all[0])
    var batch = list.takeAll()
    holds(batch.pop(table)?.record.slot == 1)
  }
}

@Suite struct ConnectionTableTests {
  @Test func aTokenOfAFormerUseFindsNothing() {
    var table = ConnectionTable(capacity: 1)
    let former = connections(1, in: &table)[0].token
    holds(table.find(former) != nil && table.isFull)
    table.close(table[0])
    holds(table.find(former) == nil)
    let connection = connections(1, in: &table)[0]
    holds(connection.record.slot == 0 && connection.token != former)
  }
}

@Suite struct CrowdingTests {
  private func load(idle: Int, waiting: Int = 0, dequeued: UInt64 = 0) -> PoolLoad {
    PoolLoad(idle: idle, waiting: waiting, dequeued: dequeued)
  }

  @Test func aBusyPoolIsCrowdedOnlyWhenNoThreadGetsOn() {
    var crowding = Crowding()
    holds(!crowding.update(100, isFull: false, load: load(idle: 0, dequeued: 1)))
    // They have taken others meanwhile.
    let later = 100 + Crowding.moment
    holds(!crowding.update(later, isFull: false, load: load(idle: 0, dequeued: 2)))
    holds(crowding.update(later + Crowding.moment, isFull: false, load: load(idle: 0, dequeued: 2)))
    holds(!crowding.update(later + 2 * Crowding.moment, isFull: false, load: load(idle: 1, dequeued: 2)))
  }

  @Test func aFullTableIsCrowdedAtOnce() {
    var crowding = Crowding()
    holds(crowding.update(100, isFull: true, load: nil))
    holds(!crowding.update(101, isFull: false, load: nil))
  }

  @Test func newConnectionsAreLeftToOthersForAWhile() {
    var crowding = Crowding()
    holds(!crowding.leaveToOthers(100, isRoomElsewhere: false))
    holds(crowding.leaveToOthers(100, isRoomElsewhere: true))
    var now: UInt64 = 100
    for check in 1...Crowding.mostChecks {
      now += Crowding.patience
      holds(crowding.isCheckDue(now))
      crowding.beginCheck()
      holds(crowding.acceptsWaiting(now, isRoomElsewhere: true) == (check == Crowding.mostChecks))
    }
    // Others said to have room, and took nobody.
    holds(!crowding.leaveToOthers(now + 1, isRoomElsewhere: true))
    holds(crowding.leaveToOthers(now + Crowding.distrust, isRoomElsewhere: true))
  }
}

@Suite struct AcceptorTests {
  /// A listening socket of Linux's own names.
  private func listener(_ name: String) -> CInt {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    let (address, size) = address(name)
    let bound = unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(raw, $0, size) }
    }
    holds(bound == 0 && listen(raw, 8) == 0)
    return raw
  }

  private func address(_ name: String) -> (sockaddr_un, socklen_t) {
    let bytes = Array("\0outrider-test-\(getpid())-\(name)".utf8)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    return (address, socklen_t(MemoryLayout<sa_family_t>.size + bytes.count))
  }

  private func connect(_ name: String) -> CInt {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    let (address, size) = address(name)
    let connected = unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(raw, $0, size) }
    }
    holds(connected == 0)
    return raw
  }

  private func acceptor(_ fd: CInt, isShared: Bool = false) -> Acceptor {
    Acceptor(
      [Listener(fd: fd, isUnix: true, serverAddress: .empty, serverPort: 0)], isShared: isShared)
  }

  @Test func aListenerThatAcceptsIsHeardAndOneThatIsPausedIsNot() throws {
    let epoll = try Epoll(capacity: 4)
    let fd = listener("modes")
    var acceptor = acceptor(fd)
    let client = connect("modes")
    defer { for fd in [fd, client] { close(fd) } }
    holds(epoll.wait(milliseconds: 0) == 0)
    holds(acceptor.change(to: .accepting, epoll) == nil)
    holds(epoll.wait(milliseconds: 0) == 1)
    holds(epoll[0].token == LoopToken.firstListener)
    holds(acceptor.change(to: .paused, epoll) == nil)
    holds(epoll.wait(milliseconds: 0) == 0)
  }

  /// A worker that only watches is told about each new connection once.
  @Test func aWatchedListenerTellsOfAnEdge() throws {
    let epoll = try Epoll(capacity: 4)
    let fd = listener("watching")
    var acceptor = acceptor(fd, isShared: true)
    let client = connect("watching")
    defer { for fd in [fd, client] { close(fd) } }
    holds(acceptor.change(to: .watching, epoll) == nil)
    holds(epoll.wait(milliseconds: 0) == 1)
    holds(epoll.wait(milliseconds: 0) == 0)
    holds(acceptor.hasNewConnections)
  }

  @Test func whatCannotBeRegisteredIsTriedAgain() throws {
    let epoll = try Epoll(capacity: 4)
    var acceptor = acceptor(-1)
    holds(acceptor.change(to: .accepting, epoll) != nil)
    holds(acceptor.mode == .paused)
  }

  @Test func aFullTableAcceptsOnlyWhereSomethingCanBeClosed() {
    var acceptor = acceptor(-1)
    holds(acceptor.hasPlace(100, isTableFull: false, evicts: false))
    holds(!acceptor.hasPlace(100, isTableFull: true, evicts: false))
    holds(acceptor.hasPlace(100, isTableFull: true, evicts: true))
    acceptor.stopEvicting(until: 200)
    holds(!acceptor.hasPlace(100, isTableFull: true, evicts: true))
    holds(acceptor.nextCheck(100, isTableFull: true) == 200)
    holds(acceptor.hasPlace(200, isTableFull: true, evicts: true))
    acceptor.pause(until: 300)
    holds(!acceptor.hasPlace(250, isTableFull: false, evicts: true))
  }

  @Test func aBacklogIsServedBeforeItsListenerCloses() throws {
    let epoll = try Epoll(capacity: 4)
    let fd = listener("backlog")
    var acceptor = acceptor(fd)
    let client = connect("backlog")
    defer { close(client) }
    acceptor.beginDrain(100, epoll)
    holds(acceptor.hasBacklogToDrain && acceptor.mode == .paused)
    let waiting = acceptor.listeners[0].backlogToDrain
    acceptor.countFromBacklog(of: 0)
    holds(acceptor.listeners[0].backlogToDrain == waiting - 1)
    holds(acceptor.endBacklogDrain(of: 0, .max, epoll) == nil)
    holds(acceptor.listeners[0].isClosed && !acceptor.hasBacklogToDrain)
  }
}
