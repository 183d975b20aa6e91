import Synchronization

/// What one thread of a worker is at: its last sign of life, and the request it works on.
///
/// The loop gives one with each turn, and at least four times within `timeouts.worker`; a thread of the pool when it takes a
/// request. Whoever waits for a client is not at work, and bounded by the client's own deadlines.
@safe
package struct ThreadCells: @unchecked Sendable {
  // Written by the thread itself, read by anyone; each word is atomic.
  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  /// The last sign of life, in monotonic nanoseconds; 0 while the thread waits for work or for a client.
  package var busySince: UInt64 {
    get { unsafe base[0].load(ordering: .relaxed) }
    nonmutating set { unsafe base[0].store(newValue, ordering: .relaxed) }
  }

  /// The kernel's number of the thread.
  package var thread: UInt64 {
    get { unsafe base[2].load(ordering: .relaxed) }
    nonmutating set { unsafe base[2].store(newValue, ordering: .relaxed) }
  }

  /// [request-thread] Work on a request begins.
  package func begin(_ flight: Int?, _ now: UInt64) {
    self.flight = flight
    busySince = now
  }

  /// [request-thread] It is done.
  package func end() {
    busySince = 0
    flight = nil
  }

  /// [master] For the next process.
  func clear() {
    end()
    thread = 0
  }

  /// The flight record of the request it works on, or nil.
  package var flight: Int? {
    get {
      let raw = unsafe base[1].load(ordering: .relaxed)
      return raw == 0 || raw > UInt64(ScoreboardLayout.flights) ? nil : Int(raw) - 1
    }
    nonmutating set { unsafe base[1].store(newValue.map { UInt64($0 + 1) } ?? 0, ordering: .relaxed) }
  }
}
