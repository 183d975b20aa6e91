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
