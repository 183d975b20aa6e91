import Platform

/// The scoreboard of a generation, mapped for reading.
package final class GenerationScoreboard: Sendable {
  package let board: Scoreboard

  /// Nil if it has another version: the supervisor then has no information about the workers.
  ///
  /// - Parameters:
  ///   - layout: the layout from before any plugin ran; nil to read it, while none has.
  ///   - names: the names of the plugins, in the same way.
  init?(_ descriptor: consuming FileDescriptor, layout: ScoreboardLayout? = nil, names: [String]? = nil) {
    guard let board = Scoreboard(reading: descriptor, layout: layout, names: names) else { return nil }
    self.board = board
  }

  /// Whether a ready worker has turned its loop within `limit` nanoseconds; 0 is no limit.
  ///
  /// - Parameters:
  ///   - slots: the slots to check; nil for all.
  ///   - start: silence before that does not count.
  func hasFreshWorker(in slots: [Int]? = nil, limit: UInt64, since start: UInt64) -> Bool {
    let now = Clock.monotonic()
    return (slots ?? Array(0..<board.layout.slots)).contains { number in
      guard number < board.layout.slots else { return false }
      let slot = board.slot(number)
      return slot.state == .ready
        && GenerationScoreboard.isFresh(busySince: slot.thread(0).busySince, limit: limit, since: start, now: now)
    }
  }

  /// Whether a loop has turned within `limit` nanoseconds, or waits for events.
  static func isFresh(busySince: UInt64, limit: UInt64, since start: UInt64, now: UInt64) -> Bool {
    busySince == 0 || limit == 0 || now &- min(max(busySince, start), now) <= limit
  }
}
