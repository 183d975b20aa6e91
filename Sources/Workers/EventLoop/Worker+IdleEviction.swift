import Glibc
import HTTP
import Platform

// Makes room for new connections when the table is full or no descriptor is left. Closes the longest idle connections,
// then lingering ones.

extension Worker {
  /// One connection of so many is closed at once, so that not every new connection costs a scan of the table.
  private static let share = 32
  /// The pause if nothing could be closed, and the addition for each record of the table.
  private static let pause = 20 * Clock.nanosecondsPerMillisecond
  private static let pausePerPlace: UInt64 = 1000

  /// Makes room for a new connection. If no connection is idle, returns false and pauses eviction for a moment.
  @inline(never)
  func makeRoom() -> Bool {
    if closeLongestIdle() > 0 && !record.table.isFull { return true }
    if closeLongestLingering() { return true }
    record.acceptor.stopEvicting(
      until: record.clock.now &+ Worker.pause &+ UInt64(clamping: record.table.capacity) &* Worker.pausePerPlace)
    return false
  }

  /// The same after an accept that failed for want of a descriptor or of kernel memory.
  @inline(never)
  func makeRoom(after error: Errno) -> Bool {
    guard record.settings.keepsConnections && closeLongestIdle() > 0 || closeLongestLingering() else { return false }
    log(limited: .exhaustion, "\(error); the longest idle connections are closed for new ones")
    return true
  }

  /// Closes the longest lingering connection. A reset may overtake its response, but a new client has no response at
  /// all.
  private func closeLongestLingering() -> Bool {
    guard let oldest = record.table.longestLingering() else { return false }
    driver(oldest).close()
    return true
  }

  /// - Returns: how many connections were closed.
  private func closeLongestIdle() -> Int {
    let most = max(1, record.table.capacity / Worker.share)
    var closed = 0
    for token in record.table.idle(record.clock.now, record.settings.timeouts) where closed < most {
      if let connection = record.table.find(token), closeIdle(connection) { closed += 1 }
    }
    return closed
  }

  /// Closes a connection that appears idle; false if bytes have come on it.
  private func closeIdle(_ connection: Connection) -> Bool {
    if connection.record.phase == .ownedByThread, let channel = HTTP1Connection(self, connection).channel {
      channel.reclaim()
      driver(connection).pumpOutlined()
    } else if connection.record.phase == .exchange {
      driver(connection).pumpOutlined()
    }
    guard connection.idleSince(record.clock.now, record.settings.timeouts) != nil || connection.record.phase == .free,
      !hasUnreportedInput(connection)
    else {
      return false
    }
    record.slot.add(.idleClosed)
    if connection.record.phase == .free { return true }
    if let http2 = connection.record.http2 {
      http2.refuseStreams()
    } else {
      driver(connection).finish(lingering: false)
    }
    driver(connection).pumpOutlined()
    // No response is being sent that a reset could overtake, and a record that is not yet free is of no use.
    if connection.record.phase != .free { driver(connection).abort(.closed) }
    return true
  }

  /// Whether bytes have come that epoll has not reported.
  private func hasUnreportedInput(_ connection: Connection) -> Bool {
    guard connection.record.phase != .free else { return false }
    var byte: UInt8 = 0
    return unsafe ConnectedSocket.peek(connection.record.fd, &byte, 1) > 0
  }
}
