import COutriderPlugin

extension OutriderHost {
  /// Says that this entry is ready in this worker, which it is until it says otherwise. A host without outrider.health/1
  /// ignores it. It may be called on any thread of a worker.
  public func setReady() throws(OutriderError) { try setReady(true, "") }

  /// Says that it is not ready, and why, to the operator. `/readyz` answers 503 if every worker has such an entry; requests are
  /// still passed to the plugin.
  public func setNotReady(_ reason: String) throws(OutriderError) { try setReady(false, reason) }

  private func setReady(_ isReady: Bool, _ reason: String) throws(OutriderError) {
    guard let functions: UnsafePointer<outrider_health> = unsafe find(OUTRIDER_HEALTH) else { return }
    let status = unsafe reason.pass { unsafe functions.pointee.ready(table, isReady ? 1 : 0, $0) }
    try Acceptance(status, of: "setReady")
  }

  /// Has a thread of the plugin watched: if it says neither that it lives nor that it is idle for timeouts.worker, the worker is
  /// aborted with a backtrace, and replaced. The name has letters, digits, '-', '_' and '.', 32 at most. Throws `.limit` if
  /// the worker has 16 such threads, and `.unsupported` if this host has no outrider.health/1.
  public func watchThread(_ name: String) throws(OutriderError) -> WatchedThread {
    guard let functions: UnsafePointer<outrider_health> = unsafe find(OUTRIDER_HEALTH) else {
      throw OutriderError(.unsupported, in: "outrider.health/1")
    }
    var number: UInt32 = 0
    let status = unsafe name.withCString { unsafe functions.pointee.watch(table, $0, &number) }
    try Acceptance(status, of: "watchThread")
    return unsafe WatchedThread(host: self, functions: functions, number: number)
  }
}

/// A thread that is watched until nothing refers to this any more.
@safe
public final class WatchedThread: @unchecked Sendable {
  // The tables of the host, which are there for the life of the process.
  private let host: OutriderHost
  private let functions: UnsafePointer<outrider_health>
  private let number: UInt32

  fileprivate init(host: OutriderHost, functions: UnsafePointer<outrider_health>, number: UInt32) {
    self.host = host
    unsafe self.functions = functions
    self.number = number
  }

  deinit { _ = unsafe functions.pointee.unwatch(host.table, number) }

  /// Says that the thread lives: more often than timeouts.worker. Cheap.
  public func alive() { _ = unsafe functions.pointee.alive(host.table, number) }

  /// Says that the thread waits for work, until it is alive again.
  public func idle() { _ = unsafe functions.pointee.idle(host.table, number) }
}
