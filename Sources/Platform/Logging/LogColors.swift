import Glibc
import Logging
import Synchronization

/// The colours of levels in the error log, if that is a terminal. None if `NO_COLOR` is set, or on a terminal without
/// colours.
enum LogColors {
  private static let areWanted = Atomic<Bool>(isTerminalWithColors)

  private static var isTerminalWithColors: Bool {
    isatty(2) == 1 && (Process.environment("NO_COLOR") ?? "").isEmpty
      && !["", "dumb"].contains(Process.environment("TERM") ?? "")
  }

  /// Called after a change of standard error.
  static func standardErrorHasChanged() { areWanted.store(isTerminalWithColors, ordering: .relaxed) }

  /// The level's name, with the escape sequences of its colour (ECMA-48, SGR).
  static func colored(_ name: String, _ level: Logger.Level) -> String {
    guard areWanted.load(ordering: .relaxed), let color = code(level) else { return name }
    return "\u{1B}[\(color)m\(name)\u{1B}[0m"
  }

  private static func code(_ level: Logger.Level) -> String? {
    switch level {
    case .critical, .error: "1;31"
    case .warning: "33"
    case .notice, .info, .debug, .trace: nil
    }
  }
}
