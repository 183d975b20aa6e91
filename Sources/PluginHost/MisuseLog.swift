import COutrider
import Glibc
import HTTP
import Logging
import Platform
import Synchronization

/// Tells the operator of a plugin's wrong calls, ten lines a second at most.
package final class MisuseLog: Sendable {
  private let rate = Mutex(LineRate(most: 10))
  /// When it is to be said that some were held back, in monotonic nanoseconds; `.max` if none were.
  private let due = Atomic<UInt64>(.max)
  /// `debug.abi_checks`: the first misuse ends the worker where it happens.
  private let aborts: Bool

  init(aborts: Bool) { self.aborts = aborts }

  /// Counts and perhaps logs that `call` was refused.
  ///
  /// - Parameter rule: which rule it has broken, if the exchange has no better word.
  func note(
    _ call: StaticString, _ outcome: Outcome, plugin: Plugin?, exchange handle: outrider_exchange, rule: String? = nil
  ) {
    let rule = rule ?? outcome.rule
    guard let runtime = Runtime.current else { return }
    runtime.record.slot.addShared(.misuses)
    let (heldBack, dueAt) = rate.withLock { ($0.admit(Clock.monotonic()), $0.dueAt) }
    // The loop has to learn of the first.
    if due.exchange(dueAt, ordering: .relaxed) == .max && dueAt != .max { runtime.record.wake.wake() }
    guard aborts || heldBack != nil else { return }
    var line = "plugin \(plugin?.record.nameText ?? "?"): \(call) refused: \(outcome.name)"
    if let told = runtime.record.exchanges.find(handle)?.describeCall(of: handle, outcome) {
      if let rule = told.rule ?? rule { line += ": \(rule)" }
      line += " request=\(told.id)"
    } else if let rule {
      line += ": \(rule)"
    }
    line += LineRate.note(heldBack ?? 0)
    guard aborts else {
      runtime.record.log.warning("\(line)")
      return
    }
    runtime.record.log.critical("\(line): debug.abi_checks ends the worker")
    abort()
  }

  package var dueAt: UInt64 { due.load(ordering: .relaxed) }

  /// [loop] Tells of those that were held back and are due.
  package func tellHeldBack(at moment: UInt64) {
    guard dueAt <= moment, let runtime = Runtime.current else { return }
    let count = rate.withLock { rate in
      due.store(.max, ordering: .relaxed)
      return rate.takeHeldBack()
    }
    if count > 0 { runtime.record.log.warning("calls of plugins that were refused: \(count) more like it") }
  }
}

extension Outcome {
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
    }
  }

  /// What it means where nothing more is known.
  fileprivate var rule: String? {
    switch self {
    case .wrongThread: "another thread runs the handler, or is inside a call on this exchange"
    case .unsupported: "this style or version has no such call"
    case .wrongState: "not in this state of the exchange"
    default: nil
    }
  }

  /// A fault of the plugin, as against the weather.
  var isMisuse: Bool {
    switch self {
    case .wrongState, .invalid, .unsupported, .limit, .wrongThread: true
    default: false
    }
  }
}
