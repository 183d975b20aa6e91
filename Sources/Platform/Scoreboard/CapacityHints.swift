import Synchronization

/// Hints between the workers of a generation: whether each has room for another connection and a thread for its
/// requests. All workers can write to this memory, so a reader checks again after a moment.
@safe
package struct CapacityHints: @unchecked Sendable {
  // An atomic word for each slot.
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  private let count: Int
  private let own: Int

  init(_ words: UnsafeMutablePointer<Atomic<UInt64>>, _ layout: ScoreboardLayout, own: Int) {
    unsafe self.words = words
    count = layout.slots
    self.own = own
  }

  /// Sets whether this worker has capacity. The master clears it when the worker has ended.
  package func report(_ hasCapacity: Bool) { unsafe words[own].store(hasCapacity ? 1 : 0, ordering: .relaxed) }

  /// Whether another worker has capacity.
  package var othersHaveCapacity: Bool {
    for index in 0..<count where index != own {
      if unsafe words[index].load(ordering: .relaxed) != 0 { return true }
    }
    return false
  }
}
