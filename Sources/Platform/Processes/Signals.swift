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

  /// Blocks no signal, and gives every signal its default, as a freshly exec'd process expects.
  package static func reset() {
    useDefaults()
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigprocmask(SIG_SETMASK, &none, nil)
  }

  /// Gives every signal its default. Those that wait, and mean nothing by default, are lost.
  package static func useDefaults() {
    for signal in 1..<CInt(32) { Glibc.signal(signal, SIG_DFL) }
  }

  package static func ignore(_ signals: [CInt]) {
    for signal in signals { Glibc.signal(signal, SIG_IGN) }
  }

  // MARK: What children of plugins begin with

  /// Signals as a program was started with them: which are blocked, and which are ignored. Bit 0 is signal 1.
  package struct Setup: Sendable, Equatable {
    package var blocked: UInt64 = 0
    package var ignored: UInt64 = 0

    package init(blocked: UInt64 = 0, ignored: UInt64 = 0) {
      self.blocked = blocked
      self.ignored = ignored
    }

    fileprivate func ignores(_ signal: CInt) -> Bool { ignored >> UInt64(signal - 1) & 1 == 1 }

    var mask: sigset_t { Signals.set(of: (1...64).filter { blocked >> UInt64($0 - 1) & 1 == 1 }) }
  }

  /// Those of this program, and so what programs that a plugin starts are to find. Written while there is one thread.
  nonisolated(unsafe) package static var setup = Setup()

  /// Notes the present ones. First of all in a program, before anything changes them.
  package static func noteSetup() {
    var setup = Setup()
    var mask = sigset_t()
    unsafe pthread_sigmask(SIG_BLOCK, nil, &mask)
    for signal in 1...CInt(64) {
      if unsafe sigismember(&mask, signal) == 1 { setup.blocked |= 1 << UInt64(signal - 1) }
      if outrider_ignores(signal) != 0 { setup.ignored |= 1 << UInt64(signal - 1) }
    }
    unsafe Signals.setup = setup
  }

  /// For a program that is executed next: the signals as this one was started with them.
  package static func restoreSetup() {
    useDefaults()
    let setup = unsafe setup
    ignore((1...64).filter { setup.ignores($0) })
    var mask = setup.mask
    unsafe sigprocmask(SIG_SETMASK, &mask, nil)
  }

  /// Those that no process of the server uses.
  private static let harmless = [SIGTSTP, SIGWINCH, SIGURG, SIGIO, SIGVTALRM, SIGPROF, SIGCONT]

  /// The signals mean nothing to this process, and their default to the programs that it starts: an ignored signal would
  /// stay ignored in those.
  package static func disregard(_ signals: [CInt]) {
    let setup = unsafe setup
    ignore(harmless.filter { setup.ignores($0) })
    for signal in signals {
      if setup.ignores(signal) { Glibc.signal(signal, SIG_IGN) } else { outrider_disregard(signal) }
    }
  }

  /// Makes SIGTERM wake a loop, and bounds the life of a process that does not heed it.
  ///
  /// - Parameter wake: an eventfd that becomes readable.
  package static func onTerminate(wake: CInt, killAfterSeconds seconds: UInt32) {
    outrider_on_terminate(wake, seconds)
  }

  /// SIGTERM has come since `onTerminate`.
  package static var hasTerminated: Bool { outrider_terminated() != 0 }

  /// `SIGSEGV` and the like.
  package static func name(_ signal: CInt) -> String {
    guard let abbreviation = unsafe outrider_signal_abbreviation(signal) else { return "signal \(signal)" }
    return "SIG" + (unsafe String(cString: abbreviation))
  }
}
