import Platform

/// The scoreboard of a generation, mapped for reading: in it the supervisor sees the workers without asking anybody.
package final class GenerationScoreboard: Sendable {
  package let board: Scoreboard

  /// Nil if it is of another version: then nothing is known of the workers.
  ///
  /// - Parameters:
  ///   - layout: as it was before any plugin ran; nil as long as none has.
  ///   - names: the plugins', likewise.
  init?(_ descriptor: consuming FileDescriptor, layout: ScoreboardLayout? = nil, names: [String]? = nil) {
    guard let board = Scoreboard(reading: descriptor, layout: layout, names: names) else { return nil }
    self.board = board
  }

  /// The same with these names: plugins can have written where they stand.
  func named(_ names: [String]) -> GenerationScoreboard? {
    guard let descriptor = board.duplicateDescriptor() else { return nil }
    return GenerationScoreboard(descriptor, layout: board.layout, names: names)
  }

  /// Whether a worker serves whose loop has turned within `limit` nanoseconds; 0 is no limit.
  ///
  /// - Parameter start: silence before that does not count.
  func hasFreshWorker(limit: UInt64, since start: UInt64) -> Bool {
    let now = Clock.monotonic()
    return (0..<board.layout.slots).contains { number in
      let slot = board.slot(number)
      let busySince = slot.thread(0).busySince
      return slot.state == .ready && (busySince == 0 || limit == 0 || now &- min(max(busySince, start), now) <= limit)
    }
  }
}
