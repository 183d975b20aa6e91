import HTTP
import Platform
import PluginHost

/// Whether a plugin runs the loop's thread, and the state of that: see `OUTRIDER_OWNS_LOOP`.
struct OwnedLoop {
  enum Stage {
    /// The worker's own loop runs.
    case none
    /// `run_loop` runs the plugin's own code, outside `dispatch`.
    case waiting
    /// A turn runs within `dispatch`.
    case turning
    /// There are no further turns.
    case finished
  }

  var stage = Stage.none
  /// The index of the plugin that runs the thread.
  var plugin = -1
}

extension Worker {
  /// Serves until the worker is told to stop or has drained, on this thread or within the plugin that owns the loop.
  ///
  /// - Returns: false if the plugin returned from `run_loop` before that.
  func runLoop() -> Bool {
    guard let owner = record.plugins.first(where: { $0.record.ownsLoop }) else {
      run()
      return true
    }
    record.ownedLoop.plugin = owner.record.number
    record.ownedLoop.stage = .waiting
    updateClock()
    // Makes the first turn due at once. It registers the listeners, without which no event would occur.
    record.timer.arm(1)
    owner.runLoop()
    let hasFinished = record.ownedLoop.stage == .finished
    record.ownedLoop.stage = .none
    if hasFinished { return true }
    record.log.error(
      """
      plugin \(owner.record.nameText): run_loop has returned before the worker's end; the worker finishes its requests \
      and is replaced
      """)
    beginDrain()
    run()
    return false
  }

  /// A descriptor that is readable while the loop has work; nil unless `plugin` runs the thread.
  func loopDescriptor(for plugin: Int) -> CInt? {
    record.ownedLoop.plugin == plugin && record.ownedLoop.stage != .none ? record.epoll.raw : nil
  }

  /// [loop] Runs turns for up to `nanoseconds`: see `outrider_loop.dispatch`.
  func dispatch(for plugin: Int, nanoseconds: UInt64) -> CallStatus {
    guard record.ownedLoop.plugin == plugin else { return .wrongState }
    switch record.ownedLoop.stage {
    case .none, .turning: return .wrongState
    case .finished: return .closed
    case .waiting: break
    }
    record.ownedLoop.stage = .turning
    let end = Clock.monotonic().addingReportingOverflow(nanoseconds)
    var isAtWork = true
    while isAtWork {
      guard beginTurn() else {
        record.ownedLoop.stage = .finished
        return .closed
      }
      isAtWork = takeTurn(waits: false)
      if isAtWork && !end.overflow && Clock.monotonic() >= end.partialValue { break }
    }
    // Applies changes of the last turn before the runtime waits: the worker may accept again, or have finished.
    guard beginTurn() else {
      record.ownedLoop.stage = .finished
      return .closed
    }
    record.ownedLoop.stage = .waiting
    // The runtime waits for a single descriptor: the timer makes it readable for work without a descriptor.
    if isAtWork || hasWork { record.timer.arm(1) }
    record.thread.record.cells?.flight = nil
    return isAtWork ? .pause : .ok
  }
}
