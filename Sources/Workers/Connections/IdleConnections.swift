import Configuration
import Platform
import Synchronization

// Which connections are idle, and since when. They are closed first when there is no room for a new one.

extension Connection {
  /// How long a new connection without any byte does not count as idle: its request may still be on the way.
  static var silence: UInt64 { Clock.nanosecondsPerSecond }

  /// The bytes sent on it, by the loop and by threads.
  var allSent: UInt64 {
    record.output.sent &- record.sentBefore &+ record.sentByThreads.load(ordering: .relaxed)
  }

  /// Since when it has been idle: between two requests, or too long without a first one. Nil if it is not idle.
  func idleSince(_ now: UInt64, _ timeouts: Settings.Timeouts) -> UInt64? {
    // A thread may have returned the request without a wake-up.
    if record.phase == .ownedByThread || record.phase == .exchange {
      guard record.handoff.isReturned, let request = record.request, request.record.isAccounted else { return nil }
      return request.record.ended
    }
    guard record.output.isEmpty, record.input == nil, record.flags.isDisjoint(with: [.readable, .broken]) else {
      return nil
    }
    if let http2 = record.http2 {
      guard record.phase == .http2, http2.record.count == 0 else { return nil }
      let since = http2.record.idleSince
      return http2.record.hasServed || now >= since &+ Connection.silence ? since : nil
    }
    guard record.phase == .idle, record.deadline != .max else { return nil }
    if allSent > 0 { return record.deadline &- timeouts.keepalive }
    let begun = record.deadline &- timeouts.head
    return now >= begun &+ Connection.silence ? begun : nil
  }
}

extension ConnectionTable {
  /// The tokens of the idle connections, longest idle first.
  func idle(_ now: UInt64, _ timeouts: Settings.Timeouts) -> [UInt64] {
    var idle: [(since: UInt64, token: UInt64)] = []
    visit { connection in
      if let since = connection.idleSince(now, timeouts) { idle.append((since, connection.token)) }
    }
    idle.sort { $0.since < $1.since }
    return idle.map { $0.token }
  }

  /// The connection that has lingered longest.
  func longestLingering() -> Connection? {
    var longest: Connection?
    visit { connection in
      guard connection.record.phase == .lingering else { return }
      if connection.record.phaseDeadline < longest?.record.phaseDeadline ?? .max { longest = connection }
    }
    return longest
  }
}
