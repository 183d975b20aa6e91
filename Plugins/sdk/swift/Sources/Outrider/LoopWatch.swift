import COutriderPlugin

/// A descriptor that the worker's loop watches for one task: outrider.loop/1.
///
/// It does not own the descriptor: call `end` before it is closed.
@Loop @safe
final class LoopWatch {
  private let host: OutriderHost
  nonisolated(unsafe) private let functions: UnsafePointer<outrider_loop>
  private let descriptor: Int32
  // The loop's, as hooks know.
  nonisolated(unsafe) private var id: UInt64 = 0
  nonisolated(unsafe) private var isWatched = false
  nonisolated(unsafe) private var hasEnded = false
  /// What the task waits for, and what has come of it.
  nonisolated(unsafe) private var wanted: UInt32 = 0
  nonisolated(unsafe) private var seen: UInt32 = 0
  private let waiter = Waiter()

  init(_ descriptor: Int32, _ host: OutriderHost) throws {
    guard let functions: UnsafePointer<outrider_loop> = unsafe host.find(OUTRIDER_LOOP) else {
      throw OutriderError(.unsupported, in: "outrider.loop/1")
    }
    unsafe self.functions = functions
    self.host = host
    self.descriptor = descriptor
  }

  /// Waits until the descriptor is ready for one of the events, OUTRIDER_LOOP_*, or has an error. Throws `.closed` at the end
  /// of the worker, and `CancellationError` if the task is cancelled.
  func wait(for events: UInt32) async throws {
    unsafe wanted = events
    unsafe seen = 0
    try request(events)
    while unsafe seen == 0 {
      if unsafe hasEnded { throw OutriderError(.closed, in: "wait") }
      try Task.checkCancellation()
      await waiter.waitOrCancel()
    }
  }

  /// Ends the watch.
  func end() {
    guard unsafe isWatched else { return }
    unsafe isWatched = false
    unsafe hasEnded = true
    if unsafe functions.pointee.unwatch(host.table, id) >= OUTRIDER_OK {
      unsafe Unmanaged.passUnretained(self).release()
    }
  }

  private func request(_ events: UInt32) throws {
    if unsafe isWatched {
      try Acceptance(unsafe functions.pointee.change(host.table, id, events), of: "change")
      return
    }
    guard unsafe !hasEnded else { throw OutriderError(.closed, in: "watch") }
    // The host has a reference until the watch ends.
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let status = unsafe functions.pointee.watch(
      host.table, outrider_exchange(id: 0), descriptor, events, watchIsReady, context, &id)
    if status < OUTRIDER_OK { unsafe Unmanaged.passUnretained(self).release() }
    try Acceptance(status, of: "watch")
    unsafe isWatched = true
  }

  /// [loop]
  fileprivate nonisolated func ready(_ events: UInt32) {
    unsafe seen = events
    // A watch is called as long as its descriptor is ready. Nobody waits for more until the next `wait`.
    if unsafe functions.pointee.change(host.table, id, 0) < OUTRIDER_OK { unsafe isWatched = false }
    waiter.resume()
  }

  /// [loop] The worker ends.
  fileprivate nonisolated func ended() {
    unsafe isWatched = false
    unsafe hasEnded = true
    waiter.resume()
  }
}

private func watchIsReady(_ context: UnsafeMutableRawPointer?, _ why: outrider_status, _ events: UInt32) {
  let reference = unsafe Unmanaged<LoopWatch>.fromOpaque(context.unsafelyUnwrapped)
  let watch = unsafe why == OUTRIDER_OK ? reference.takeUnretainedValue() : reference.takeRetainedValue()
  LoopExecutor.shared.run { why == OUTRIDER_OK ? watch.ready(events) : watch.ended() }
}
