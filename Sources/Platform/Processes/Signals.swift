import CLinux
import Glibc

/// Signal masks and dispositions of a process.
package enum Signals {
  static func set(of signals: [CInt]) -> sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal) }
    return set
  }

  /// Unblocks all signals and restores their default actions, as for a freshly executed process.
  package static func reset() {
    useDefaults()
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigprocmask(SIG_SETMASK, &none, nil)
  }

  /// Restores the default actions of all signals. Pending signals that are ignored by default are lost.
  package static func useDefaults() {
    for signal in 1..<CInt(32) { Glibc.signal(signal, SIG_DFL) }
  }

  package static func ignore(_ signals: [CInt]) {
    for signal in signals { Glibc.signal(signal, SIG_IGN) }
  }

  // MARK: The initial state for children of plugins

  /// The signals that are blocked and ignored when a program starts. Bit 0 is signal 1.
  package struct Setup: Sendable, Equatable {
    package var blocked: UInt64 = 0
    package var ignored: UInt64 = 0

    package init(blocked: UInt64 = 0, ignored: UInt64 = 0) {
      self.blocked = blocked
      self.ignored = ignored
    }

    package func ignores(_ signal: CInt) -> Bool { ignored >> UInt64(signal - 1) & 1 == 1 }

    var mask: sigset_t { Signals.set(of: (1...64).filter { blocked >> UInt64($0 - 1) & 1 == 1 }) }
  }

  /// The setup of this program, which programs started by plugins inherit. Written while there is one thread.
  nonisolated(unsafe) package static var setup = Setup()

  /// Records the current setup. Called first in a program, before anything changes it.
  package static func recordSetup() {
    var setup = Setup()
    var mask = sigset_t()
    unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
    for signal in 1...CInt(64) {
      if unsafe sigismember(&mask, signal) == 1 { setup.blocked |= 1 << UInt64(signal - 1) }
      if outrider_ignores(signal) != 0 { setup.ignored |= 1 << UInt64(signal - 1) }
    }
    unsafe Signals.setup = setup
  }

  /// Before an exec: restores the setup that this program was started with.
  package static func restoreSetup() {
    useDefaults()
    let setup = unsafe setup
    ignore((1...64).filter { setup.ignores($0) })
    var mask = setup.mask
    unsafe sigprocmask(SIG_SETMASK, &mask, nil)
  }

  // MARK: Ends that wait

  /// Those by which a user, a terminal or a manager ends a program.
  private static let endings = [SIGINT, SIGTERM, SIGHUP]

  /// Signals that would end this process wait, so that it can clean up first: see `hasHeld`. Those that it was started
  /// with as ignored stay so.
  package static func hold() {
    let setup = unsafe setup
    var held = set(of: endings.filter { !setup.ignores($0) })
    unsafe sigprocmask(SIG_BLOCK, &held, nil)
  }

  /// Whether one of those has come.
  package static var hasHeld: Bool {
    var pending = sigset_t()
    unsafe sigpending(&pending)
    return endings.contains { unsafe sigismember(&pending, $0) == 1 }
  }

  /// Those that have come end the process now.
  package static func releaseHeld() {
    var held = set(of: endings)
    unsafe sigprocmask(SIG_UNBLOCK, &held, nil)
  }

  /// Those that no process of the server uses.
  private static let harmless = [SIGTSTP, SIGWINCH, SIGURG, SIGIO, SIGVTALRM, SIGPROF, SIGCONT]

  /// Makes this process ignore the signals without affecting programs that it starts: those get the default actions,
  /// while ignored signals would remain ignored.
  package static func discard(_ signals: [CInt]) {
    let setup = unsafe setup
    ignore(harmless.filter { setup.ignores($0) })
    for signal in signals {
      if setup.ignores(signal) { Glibc.signal(signal, SIG_IGN) } else { outrider_discard_signal(signal) }
    }
  }

  /// Makes SIGTERM wake a loop, and kills the process if it does not exit within a time limit.
  ///
  /// - Parameters:
  ///   - wake: an eventfd.
  ///   - shutdownPipe: after the parent's death, which the kernel also signals by SIGTERM, the signal is ignored until
  ///     the supervisor has sent a command through this pipe, or has died; -1 for none.
  package static func onTerminate(wake: CInt, killAfterSeconds seconds: UInt32, shutdownPipe: CInt) {
    outrider_on_terminate(wake, seconds, shutdownPipe)
  }

  /// SIGTERM has been received since `onTerminate`.
  package static var hasTerminated: Bool { outrider_terminated() != 0 }

  /// The name, such as `SIGSEGV`.
  package static func name(_ signal: CInt) -> String {
    guard let abbreviation = unsafe outrider_signal_abbreviation(signal) else { return "signal \(signal)" }
    return "SIG" + (unsafe String(cString: abbreviation))
  }
}
