import CLinux
import Glibc
import Synchronization

/// An eventfd by which any thread wakes a loop. Several wake-ups before the loop runs cost one system call.
package struct WakeDescriptor: ~Copyable, Sendable {
  private let descriptor: FileDescriptor
  private let pending = Atomic<Bool>(false)

  package init() throws(Errno) {
    let raw = eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC))
    guard raw >= 0 else { throw .last("eventfd") }
    descriptor = FileDescriptor(owning: raw)
  }

  package var raw: CInt { descriptor.raw }

  /// [any thread] Wakes the loop. Earlier writes of the caller are visible to the loop after `acknowledge`.
  package borrowing func wake() {
    guard !pending.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var one: UInt64 = 1
    unsafe Glibc.write(descriptor.raw, &one, 8)
  }

  /// The loop has woken by an edge and is about to look for work. The count is never read: each write causes an edge,
  /// and the count can't overflow in practice.
  package borrowing func acknowledge() {
    _ = pending.exchange(false, ordering: .acquiringAndReleasing)
  }
}
