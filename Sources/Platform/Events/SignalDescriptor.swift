import CLinux
import Glibc

/// Signals as readable events, for processes of one thread.
package struct SignalDescriptor: ~Copyable {
  private let descriptor: FileDescriptor

  /// Blocks `signals` for the process and collects them here instead.
  package init(_ signals: [CInt]) throws(Errno) {
    var set = Signals.set(of: signals)
    unsafe sigprocmask(SIG_BLOCK, &set, nil)
    let raw = unsafe signalfd(-1, &set, CInt(SFD_NONBLOCK | SFD_CLOEXEC))
    guard raw >= 0 else { throw .last("signalfd") }
    descriptor = FileDescriptor(owning: raw)
  }

  package var raw: CInt { descriptor.raw }

  /// The next signal that has come, or nil.
  package func next() -> CInt? {
    var info = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    let count = retryingInterrupts { unsafe Glibc.read(descriptor.raw, &info, size) }
    return count == size ? CInt(info.ssi_signo) : nil
  }
}
