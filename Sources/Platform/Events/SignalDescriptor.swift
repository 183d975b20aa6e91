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

  /// SI_KERNEL of sigaction(2), which Swift does not import.
  private static let kernelCode: Int32 = 0x80

  package struct Signal {
    package let number: CInt
    /// The pid of the sender.
    package let sender: pid_t
    /// The kernel has sent the signal.
    package let isFromKernel: Bool
  }

  /// The next signal that has come, or nil.
  package func next() -> Signal? {
    var info = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    let count = retryingInterrupts { unsafe Glibc.read(descriptor.raw, &info, size) }
    guard count == size else { return nil }
    return Signal(
      number: CInt(info.ssi_signo), sender: pid_t(truncatingIfNeeded: info.ssi_pid),
      isFromKernel: info.ssi_code == SignalDescriptor.kernelCode)
  }
}
