import Glibc
import HTTP
import Platform

// Room for newcomers in a full table: the connections that have been idle longest are closed.

extension Worker {
  /// Who has connected and said nothing is left in peace for so long: its request may be on its way.
  private static let silence = Clock.nanosecondsPerSecond
  /// Of each so many places one is made free at once, so that not every newcomer costs a look at the whole table.
  private static let share = 32
  /// The pause when there was nothing to close, and what it grows by with each place that was looked at.
  private static let pause = 20 * Clock.nanosecondsPerMillisecond
  private static let pausePerPlace: UInt64 = 1000

  /// Makes room for a newcomer; false if no connection is idle, and the next newcomer waits for a moment.
  @inline(never)
  func makeRoom() -> Bool {
    var idle: [(since: UInt64, token: UInt64)] = []
    record.table.visit { connection in
      if let since = idleSince(connection) { idle.append((since, connection.token)) }
    }
    idle.sort { $0.since < $1.since }
    var rest = max(1, record.table.capacity / Worker.share)
    for (_, token) in idle where rest > 0 {
      if let connection = record.table.find(token), closeIdle(connection) { rest -= 1 }
    }
    if !record.table.isFull { return true }
    record.makeRoomAgainAt =
      record.now &+ Worker.pause &+ UInt64(clamping: record.table.capacity) &* Worker.pausePerPlace
    return false
  }

  /// Since when `connection` has been idle: between two requests, or without a first one for too long. Nil if it is not.
  private func idleSince(_ connection: Connection) -> UInt64? {
    // A thread may have given its request back without a word.
    if connection.record.phase == .lent || connection.record.phase == .exchange {
      guard connection.record.loan.isReturned, let request = connection.record.request, request.record.isAccounted
      else { return nil }
      return request.record.ended
    }
    guard connection.record.output.isEmpty, connection.record.input == nil,
      connection.record.flags.isDisjoint(with: [.readable, .broken])
    else { return nil }
    if let http2 = connection.record.http2 {
      guard connection.record.phase == .http2, http2.record.count == 0 else { return nil }
      return http2.record.hasServed || isSilent(since: http2.record.idleSince) ? http2.record.idleSince : nil
    }
    guard connection.record.phase == .idle, connection.record.deadline != .max else { return nil }
    if allSent(connection) > 0 { return connection.record.deadline &- record.settings.timeouts.keepalive }
    let begun = connection.record.deadline &- record.settings.timeouts.head
    return isSilent(since: begun) ? begun : nil
  }

  private func isSilent(since begun: UInt64) -> Bool { record.now >= begun &+ Worker.silence }

  /// Closes a connection that looks idle; false if something has come on it.
  private func closeIdle(_ connection: Connection) -> Bool {
    if connection.record.phase == .lent, let request = connection.record.request {
      takeBack(request)
      pump(connection)
    } else if connection.record.phase == .exchange {
      pump(connection)
    }
    guard idleSince(connection) != nil || connection.record.phase == .free, !hasUnheardBytes(connection) else {
      return false
    }
    record.slot.add(.idleClosed)
    if connection.record.phase == .free { return true }
    if let http2 = connection.record.http2 {
      refuseStreams(connection, http2)
    } else {
      startClosing(connection, lingering: false)
    }
    pump(connection)
    // Nothing is on its way that a reset could overtake, and a place that is only about to be free is none.
    if connection.record.phase != .free { abandon(connection, .closed) }
    return true
  }

  /// Whether something has come that epoll has yet to tell of.
  private func hasUnheardBytes(_ connection: Connection) -> Bool {
    guard connection.record.phase != .free else { return false }
    var byte: UInt8 = 0
    return unsafe Connections.peek(connection.record.fd, &byte, 1) > 0
  }
}
