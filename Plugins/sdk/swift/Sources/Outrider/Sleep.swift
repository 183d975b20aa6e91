import COutriderPlugin
import Synchronization

extension AsyncRequest {
  /// Waits so many nanoseconds, on the timers of the loop. Throws `CancellationError` if the task is cancelled meanwhile, as the
  /// end of the exchange does.
  public func sleep(nanoseconds: UInt64) async throws {
    try await host.sleep(nanoseconds, exchange.id)
  }

  /// Waits for a time, on the timers of the loop; see `sleep(nanoseconds:)`.
  public func sleep(for duration: Duration) async throws { try await sleep(nanoseconds: duration.nanoseconds) }
}

extension OutriderHost {
  /// Waits for a time, on the timers of the loop, for no request in particular. Throws `CancellationError` if the task is
  /// cancelled meanwhile, and `.closed` if the worker ends.
  @Loop
  public func sleep(for duration: Duration) async throws {
    try await sleep(duration.nanoseconds, outrider_exchange(id: 0))
  }

  @Loop
  fileprivate func sleep(_ nanoseconds: UInt64, _ exchange: outrider_exchange) async throws {
    try Task.checkCancellation()
    let sleeper = Sleeper(self)
    sleeper.start(nanoseconds, exchange)
    while sleeper.result == nil {
      await withTaskCancellationHandler {
        await sleeper.waiter.wait()
      } onCancel: {
        sleeper.cancel()
      }
    }
    try sleeper.check()
  }
}

extension Duration {
  /// Nothing for a negative duration, and the most for one that is too long.
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole + UInt64(clamping: attoseconds / 1_000_000_000)
  }
}

/// A timer of the host, for which a task waits. The host's call of `wakeSleeper` owns a reference.
private final class Sleeper: @unchecked Sendable {
  private let host: OutriderHost
  let waiter = Waiter()
  // The loop's.
  private(set) var result: outrider_status?
  /// Which any thread may cancel; 0 before there is one.
  private let timer = Atomic<UInt64>(0)
  private let isCancelled = Atomic(false)

  init(_ host: OutriderHost) { self.host = host }

  /// [loop]
  func start(_ nanoseconds: UInt64, _ exchange: outrider_exchange) {
    var timer: UInt64 = 0
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    let status = unsafe host.table.pointee.after(host.table, exchange, nanoseconds, wakeSleeper, context, &timer)
    if status < OUTRIDER_OK {
      unsafe Unmanaged.passUnretained(self).release()
      result = status
    }
    self.timer.store(timer, ordering: .releasing)
  }

  /// [any-thread] The host calls `wakeSleeper` on the loop.
  func cancel() {
    isCancelled.store(true, ordering: .releasing)
    _ = unsafe host.table.pointee.cancel(host.table, timer.load(ordering: .acquiring))
  }

  /// [loop]
  func wake(_ status: outrider_status) {
    result = status
    waiter.resume()
  }

  /// [loop] Throws if the time has not passed.
  func check() throws {
    guard let result, result < OUTRIDER_OK else { return }
    if isCancelled.load(ordering: .acquiring) { throw CancellationError() }
    throw OutriderError(.init(rawValue: result), in: "sleep")
  }
}

private func wakeSleeper(_ context: UnsafeMutableRawPointer?, _ why: outrider_status) {
  let sleeper = unsafe Unmanaged<Sleeper>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue()
  LoopExecutor.shared.run { sleeper.wake(why) }
}
