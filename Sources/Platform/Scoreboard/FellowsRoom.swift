import Synchronization

/// What the workers of a generation tell each other: whether they have room for another connection and a thread for its
/// requests. A hint, in memory that each of them can write: who relies on it has to look again a moment later.
@safe
package struct FellowsRoom: @unchecked Sendable {
  // A word for each slot; each is atomic.
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let count: Int
  private let own: Int

  init(_ words: UnsafeMutablePointer<Atomic<UInt64>>, _ layout: ScoreboardLayout, own: Int) {
    unsafe self.words = words
    count = layout.slots
    self.own = own
  }

  /// [loop] Whether this one has room.
  package func tell(_ hasRoom: Bool) { unsafe words[own].store(hasRoom ? 1 : 0, ordering: .relaxed) }

  /// Whether another one has.
  package var isElsewhere: Bool {
    for index in 0..<count where index != own {
      if unsafe words[index].load(ordering: .relaxed) != 0 { return true }
    }
    return false
  }
}
