import COutrider
import HTTP
import Logging
import Platform
import Synchronization

/// What the functions of the ABI work on in a worker: its exchanges, its timers, the way to its loop.
///
/// There is one in each worker, none in the master; the functions of `outrider_io` get no other context.
@safe
package struct Runtime {
  package let address: UnsafeMutablePointer<RuntimeRecord>

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
  package static func install(exchanges: Int, role: String, level: Logger.Level) throws(Errno) -> Runtime {
    let address = UnsafeMutablePointer<RuntimeRecord>.allocate(capacity: 1)
    unsafe address.initialize(
      to: RuntimeRecord(exchanges: exchanges, role: role, level: level, wake: try WakeDescriptor()))
    unsafe installed = address
    return unsafe Runtime(address: address)
  }

  private init(address: UnsafeMutablePointer<RuntimeRecord>) { unsafe self.address = address }

  /// Whether the caller is on the worker's loop thread.
  package var isOnLoop: Bool { unsafe Thread.context != nil && Thread.context == record.loopThread }
}

@safe
package struct RuntimeRecord: ~Copyable {
  package var exchanges: ExchangeTable
  package let callbacks: CallbackQueue
  package let wake: WakeDescriptor
  package let misuse: MisuseLog
  package let log: Logger
  /// The loop thread's `Thread.context`.
  package var loopThread: UnsafeMutableRawPointer?
  package let counters = ExchangeCounters()

  init(exchanges capacity: Int, role: String, level: Logger.Level, wake: consuming WakeDescriptor) {
    exchanges = ExchangeTable(capacity: capacity)
    callbacks = CallbackQueue()
    self.wake = wake
    log = ErrorLog.logger(role: role, level: level)
    misuse = MisuseLog()
  }
}

/// Counts of what exchanges came to, by any thread.
package struct ExchangeCounters: ~Copyable {
  /// Informational responses by result: sent, skipped, refused.
  package let hintsSent = Atomic<UInt64>(0)
  package let hintsSkipped = Atomic<UInt64>(0)
  package let hintsRefused = Atomic<UInt64>(0)
  /// Calls refused for misuse.
  package let misuses = Atomic<UInt64>(0)

  func countHint(_ outcome: Outcome) {
    switch outcome {
    case .ok: hintsSent.add(1, ordering: .relaxed)
    case .skipped: hintsSkipped.add(1, ordering: .relaxed)
    default: hintsRefused.add(1, ordering: .relaxed)
    }
  }
}
