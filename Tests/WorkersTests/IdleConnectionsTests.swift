import Configuration
import Glibc
import Platform
import Testing

@testable import Workers

/// Which connections go first where a new one has no place: by a table alone, without sockets.
struct IdleConnectionsTests {
  private static let second = Clock.nanosecondsPerSecond
  private let timeouts = Settings.defaults.timeouts

  /// A connection that was accepted `since`, as the loop sees it then.
  private func open(_ table: inout ConnectionTable, since: UInt64) -> Connection {
    // Nothing is read from it, or written to it.
    let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard let connection = table.open(fd, listener: 0, peer: .nobody) else { fatalError("the table is full") }
    connection.record.deadline = since &+ timeouts.head
    return connection
  }

  /// It has had a response that was out at `since`.
  private func serve(_ connection: Connection, since: UInt64) {
    connection.record.sentByThreads.store(100, ordering: .relaxed)
    connection.record.deadline = since &+ timeouts.keepalive
  }

  private func close(_ table: inout ConnectionTable, _ connections: [Connection]) {
    for connection in connections { table.close(connection) }
    #expect(table.count == 0)
  }

  @Test func theLongestIdleComesFirst() {
    var table = ConnectionTable(capacity: 4)
    let connections = (0..<3).map { _ in open(&table, since: 0) }
    serve(connections[0], since: 30)
    serve(connections[1], since: 10)
    serve(connections[2], since: 20)
    #expect(table.idle(40, timeouts) == [connections[1].token, connections[2].token, connections[0].token])
    close(&table, connections)
  }

  @Test func aClientThatHasSaidNothingIsGivenASecond() {
    var table = ConnectionTable(capacity: 4)
    let connection = open(&table, since: 100)
    #expect(connection.idleSince(100 + Self.second - 1, timeouts) == nil)
    #expect(connection.idleSince(100 + Self.second, timeouts) == 100)
    close(&table, [connection])
  }

  @Test func whatHasBegunIsNotIdle() {
    var table = ConnectionTable(capacity: 4)
    let connections = (0..<4).map { _ in open(&table, since: 0) }
    for connection in connections { serve(connection, since: 0) }
    connections[0].move(.headBegan)
    connections[1].record.flags.insert(.readable)
    connections[2].record.flags.insert(.broken)
    #expect(table.idle(Self.second, timeouts) == [connections[3].token])
    close(&table, connections)
  }

  @Test func theLongestLingeringIsTheOneThatEndsFirst() {
    var table = ConnectionTable(capacity: 4)
    let connections = (0..<3).map { _ in open(&table, since: 0) }
    #expect(table.longestLingering() == nil)
    for (connection, deadline) in zip(connections, [30, 10, 20] as [UInt64]) {
      connection.move(.lastQueued)
      connection.move(.sideEnded)
      connection.record.phaseDeadline = deadline
    }
    #expect(table.longestLingering()?.token == connections[1].token)
    close(&table, connections)
  }
}
