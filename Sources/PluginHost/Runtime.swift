import COutrider
import Logging
import Platform

/// What the functions of the ABI work on in a worker: its exchanges, its timers, the way to its loop.
///
/// There is one in each worker, none in the master; the functions of `outrider_io` get no other context.
@safe
@usableFromInline
package struct Runtime {
  @usableFromInline package let address: UnsafeMutablePointer<RuntimeRecord>

  @inlinable
  package var record: RuntimeRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// Written once, by the worker's main thread before it serves.
  nonisolated(unsafe) private static var installed: UnsafeMutablePointer<RuntimeRecord>?

  package static var current: Runtime? {
    guard let installed = unsafe installed else { return nil }
    return unsafe Runtime(address: installed)
  }

  /// Makes the worker's runtime and installs it.
  package static func install(
    exchanges: Int, slot: ScoreboardSlot, role: String, level: Logger.Level, abortsOnMisuse: Bool
  ) throws(Errno) -> Runtime {
    let address = UnsafeMutablePointer<RuntimeRecord>.allocate(capacity: 1)
    unsafe address.initialize(
      to: RuntimeRecord(
        exchanges: exchanges, slot: slot, role: role, level: level, wake: try WakeDescriptor(),
        abortsOnMisuse: abortsOnMisuse))
    unsafe installed = address
    return unsafe Runtime(address: address)
  }

  private init(address: UnsafeMutablePointer<RuntimeRecord>) { unsafe self.address = address }

  /// Whether the caller is on the worker's loop thread.
  package var isOnLoop: Bool {
    guard let context = unsafe Thread.context else { return false }
    return unsafe context == record.loopThread
  }
}

@safe
@usableFromInline
package struct RuntimeRecord: ~Copyable {
  package var exchanges: ExchangeTable
  package let callbacks: CallbackQueue
  package let wake: WakeDescriptor
  package let misuse: MisuseLog
  package let log: Logger
  /// The loop thread's `Thread.context`.
  package var loopThread: UnsafeMutableRawPointer?
  /// Where the worker counts.
  package let slot: ScoreboardSlot

  init(
    exchanges capacity: Int, slot: ScoreboardSlot, role: String, level: Logger.Level, wake: consuming WakeDescriptor,
    abortsOnMisuse: Bool
  ) {
    exchanges = ExchangeTable(capacity: capacity)
    callbacks = CallbackQueue()
    self.wake = wake
    self.slot = slot
    log = ErrorLog.logger(role: role, level: level)
    misuse = MisuseLog(aborts: abortsOnMisuse)
  }
}
