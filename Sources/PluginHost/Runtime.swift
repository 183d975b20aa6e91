import COutrider
import Logging
import Memory
import Platform
import Synchronization

/// What the functions of the ABI use in a worker: its exchanges, its timers, the connection to its loop.
///
/// There is one in each worker and none in the master. The functions of `outrider_io` get no other context.
@usableFromInline
package typealias Runtime = Pinned<RuntimeRecord>

extension Runtime {
  package static var current: Runtime? { unsafe RuntimeRecord.installed }

  /// Makes the worker's runtime and installs it.
  package static func install(
    exchanges: Int, slot: ScoreboardSlot, role: String, level: Logger.Level, abortsOnMisuse: Bool
  ) throws(Errno) -> Runtime {
    let runtime = Runtime(
      RuntimeRecord(
        exchanges: exchanges, slot: slot, role: role, level: level, wake: try WakeDescriptor(),
        abortsOnMisuse: abortsOnMisuse))
    unsafe RuntimeRecord.installed = runtime
    return runtime
  }

  /// [any-thread] Whether the worker drains. The scoreboard slot says so before the loop receives the message.
  package var isDraining: Bool {
    record.isDraining.load(ordering: .relaxed) || record.slot.exitDeadline != 0
  }

  /// Whether the caller is on the worker's loop thread.
  package var isOnLoop: Bool {
    guard let context = unsafe Thread.context else { return false }
    return unsafe context == record.loopThread
  }
}

@safe
@usableFromInline
package struct RuntimeRecord: ~Copyable {
  /// Written once, by the worker's main thread before it serves.
  nonisolated(unsafe) fileprivate static var installed: Runtime?

  package var exchanges: ExchangeTable
  package let callbacks: CallbackQueue
  package let watches = WatchTable()
  /// The functions of the loop for extensions; nil until there is a loop.
  package var loop: LoopControl?
  /// The shared store. Set before any plugin's code runs in the worker; nil without one.
  package var store: SharedStore?
  /// The settings of WebSockets; nil if they are not enabled.
  package var webSocket: WebSocketSettings?
  package let wake: WakeDescriptor
  package let misuse: MisuseLog
  package let log: Logger
  /// The loop thread's `Thread.context`.
  package var loopThread: UnsafeMutableRawPointer?
  /// The worker's counters.
  package let slot: ScoreboardSlot
  /// The lowest level that is logged, for frequent checks.
  let level: Logger.Level
  /// The notes of the request that an exchange's `transportContext` refers to; nil where requests have none.
  package var notes: (@convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer)?
  /// The worker drains, as noted by its loop, or by another thread while the loop runs a handler.
  package let isDraining = Atomic<Bool>(false)
  /// A plugin has called `outrider_host.wake`.
  let hasWakeRequests = Atomic<Bool>(false)

  init(
    exchanges capacity: Int, slot: ScoreboardSlot, role: String, level: Logger.Level, wake: consuming WakeDescriptor,
    abortsOnMisuse: Bool
  ) {
    exchanges = ExchangeTable(capacity: capacity)
    callbacks = CallbackQueue()
    self.wake = wake
    self.slot = slot
    log = ErrorLog.logger(role: role, level: level)
    self.level = level
    unsafe notes = nil
    misuse = MisuseLog(aborts: abortsOnMisuse)
  }
}
