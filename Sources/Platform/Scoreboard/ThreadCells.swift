import Synchronization

/// The state of one thread of a worker: its last heartbeat, and the request that it is processing.
///
/// The loop writes a heartbeat in each turn, at least four times within `timeouts.worker`; a pool thread when it takes
/// a request. A thread that waits for a client is not busy, since the client has deadlines of its own.
@safe
package struct ThreadCells: @unchecked Sendable {
  // Written only by the thread itself; each word is atomic.
  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  /// The last heartbeat, in monotonic nanoseconds; 0 while the thread waits for work or for a client.
  package var busySince: UInt64 {
    get { unsafe base[0].load(ordering: .relaxed) }
    nonmutating set { unsafe base[0].store(newValue, ordering: .relaxed) }
  }

  /// The kernel's ID of the thread.
  package var thread: UInt64 {
    get { unsafe base[2].load(ordering: .relaxed) }
    nonmutating set { unsafe base[2].store(newValue, ordering: .relaxed) }
  }

  /// [request-thread] Begins work on a request.
  package func begin(_ flight: Int?, _ now: UInt64) {
    self.flight = flight
    busySince = now
  }

  /// [request-thread] Ends work on a request.
  package func end() {
    busySince = 0
    flight = nil
  }

  /// [master] Clears the cells for the next process.
  func clear() {
    end()
    thread = 0
    hook = nil
  }

  /// The plugin hook that the thread runs before the worker serves; nil for none.
  package var hook: RunningHook? {
    get { RunningHook(word: unsafe base[3].load(ordering: .relaxed)) }
    nonmutating set { unsafe base[3].store(newValue?.word ?? 0, ordering: .relaxed) }
  }

  /// The flight record of the request that it is processing, or nil.
  package var flight: Int? {
    get {
      let raw = unsafe base[1].load(ordering: .relaxed)
      return raw == 0 || raw > UInt64(ScoreboardLayout.flights) ? nil : Int(raw) - 1
    }
    nonmutating set { unsafe base[1].store(newValue.map { UInt64($0 + 1) } ?? 0, ordering: .relaxed) }
  }
}
