import CLinux
import Glibc

/// The terminal of this process's session.
package struct Terminal: Sendable {
  /// The session had a terminal when the program started.
  private let existed: Bool

  package init() { existed = Terminal.exists }

  private static var exists: Bool {
    let raw = unsafe outrider_open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0)
    guard raw >= 0 else { return false }
    Glibc.close(raw)
    return true
  }

  /// Whether a SIGHUP means that the terminal has hung up. Then the sender is the kernel, or the shell that leads the
  /// session and passes the signal on. Other senders request a reload.
  package func hasHungUp(_ hangUp: SignalDescriptor.Signal) -> Bool {
    if hangUp.isFromKernel { return true }
    return existed && hangUp.sender == getsid(0) && hangUp.sender != getpid() && !Terminal.exists
  }
}
