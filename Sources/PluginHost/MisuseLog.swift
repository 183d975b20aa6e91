import COutrider
import Glibc
import HTTP
import Logging
import Platform
import Synchronization

/// Tells the operator of a plugin's wrong calls, ten lines a second at most.
package final class MisuseLog: Sendable {
  private static let linesPerSecond = 10
  private let state = Mutex(State())
  /// `debug.abi_checks`: the first misuse ends the worker where it happens.
  private let aborts: Bool

  init(aborts: Bool) { self.aborts = aborts }

  private struct State {
    var second: Int64 = 0
    var lines = 0
    var suppressed = 0
  }

  /// Counts and perhaps logs that `call` was refused.
  ///
  /// - Parameter rule: which rule it has broken, if the exchange has no better word.
  func note(
    _ call: StaticString, _ outcome: Outcome, plugin: Plugin?, exchange handle: outrider_exchange, rule: String? = nil
  ) {
    let rule = rule ?? outcome.rule
    guard let runtime = Runtime.current else { return }
    runtime.record.slot.addShared(.misuses)
    let second = Clock.epochSeconds()
    let suppressed: Int? = state.withLock { state in
      if state.second != second { state = State(second: second, lines: 0, suppressed: state.suppressed) }
      guard state.lines < MisuseLog.linesPerSecond else {
        state.suppressed += 1
        return nil
      }
      state.lines += 1
      defer { state.suppressed = 0 }
      return state.suppressed
    }
    guard aborts || suppressed != nil else { return }
    var line = "plugin \(plugin?.record.nameText ?? "?"): \(call) refused: \(outcome.name)"
    if let told = runtime.record.exchanges.find(handle)?.describeCall(of: handle, outcome) {
      if let rule = told.rule ?? rule { line += ": \(rule)" }
      line += " request=\(told.id)"
    } else if let rule {
      line += ": \(rule)"
    }
    if let suppressed, suppressed > 0 { line += " (and \(suppressed) more not shown)" }
    guard aborts else {
      runtime.record.log.warning("\(line)")
      return
    }
    runtime.record.log.critical("\(line): debug.abi_checks ends the worker")
    abort()
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
