import COutrider
import Glibc
import HTTP
import Logging
import Platform
import Synchronization

/// Logs the misuse of the ABI by plugins, ten lines a second at most.
package final class MisuseLog: Sendable {
  private let rate = Mutex(LogRateLimiter(limit: 10))
  /// When the number of suppressed lines is to be logged, in monotonic nanoseconds; `.max` if there are none.
  private let due = Atomic<UInt64>(.max)
  /// `debug.abi_checks`: aborts the worker at the first misuse.
  private let aborts: Bool

  init(aborts: Bool) { self.aborts = aborts }

  /// Counts a refused call, and logs it within the limit.
  ///
  /// - Parameter rule: the broken rule, if the exchange has no more precise one.
  func note(
    _ call: StaticString, _ outcome: CallStatus, plugin: Plugin?, exchange handle: outrider_exchange,
    rule: String? = nil
  ) {
    let rule = rule ?? outcome.rule
    guard let runtime = Runtime.current else { return }
    runtime.record.slot.addShared(.misuses)
    let (suppressed, dueAt) = rate.withLock { ($0.allow(Clock.monotonic()), $0.dueAt) }
    // The loop schedules the report of the first suppressed line.
    if due.exchange(dueAt, ordering: .relaxed) == .max && dueAt != .max { runtime.record.wake.wake() }
    guard aborts || suppressed != nil else {
      // The rule is this call's: a later one must not be told with it.
      runtime.record.exchanges.find(handle)?.forgetBrokenRule()
      return
    }
    var line = "plugin \(plugin?.record.nameText ?? "?"): \(call) refused: \(outcome.name)"
    if let details = runtime.record.exchanges.find(handle)?.describeCall(of: handle, outcome) {
      if let rule = details.rule ?? rule { line += ": \(rule)" }
      line += details.details
    } else if let rule {
      line += ": \(rule)"
    }
    line += LogRateLimiter.note(suppressed ?? 0)
    guard aborts else {
      runtime.record.log.warning("\(line)")
      return
    }
    runtime.record.log.critical("\(line): debug.abi_checks ends the worker")
    abort()
  }

  package var dueAt: UInt64 { due.load(ordering: .relaxed) }

  /// [loop] Logs the number of suppressed lines when that is due.
  package func reportSuppressed(at moment: UInt64) {
    guard dueAt <= moment, let runtime = Runtime.current else { return }
    let count = rate.withLock { rate in
      due.store(.max, ordering: .relaxed)
      return rate.takeSuppressed()
    }
    if count > 0 { runtime.record.log.warning("calls of plugins that were refused: \(count) more like it") }
  }
}

extension CallStatus {
  /// The status as outrider.h names it.
  package var name: String {
    switch self {
    case .ok: "OUTRIDER_OK"
    case .skipped: "OUTRIDER_SKIPPED"
    case .pause: "OUTRIDER_PAUSE"
    case .wrongState: "OUTRIDER_E_STATE"
    case .invalid: "OUTRIDER_E_INVALID"
    case .closed: "OUTRIDER_E_CLOSED"
    case .cancelled: "OUTRIDER_E_CANCELLED"
    case .unsupported: "OUTRIDER_E_UNSUPPORTED"
    case .limit: "OUTRIDER_E_LIMIT"
    case .again: "OUTRIDER_E_AGAIN"
    case .wrongThread: "OUTRIDER_E_THREAD"
    case .io: "OUTRIDER_E_IO"
    case .failed: "OUTRIDER_E_FAILED"
    }
  }

  /// The broken rule if no more precise one is known.
  fileprivate var rule: String? {
    switch self {
    case .wrongThread: "another thread runs the handler, or is inside a call on this exchange"
    case .unsupported: "this style or version has no such call"
    case .wrongState: "not in this state of the exchange"
    default: nil
    }
  }

  /// Whether the plugin is the cause, not the client or the system.
  var isMisuse: Bool {
    switch self {
    case .wrongState, .invalid, .unsupported, .limit, .wrongThread: true
    default: false
    }
  }
}
