import CLinux
import Glibc
import Synchronization

/// An eventfd by which any thread wakes a loop; many wakes before the loop looks are one system call.
package struct WakeDescriptor: ~Copyable, Sendable {
  private let descriptor: FileDescriptor
  private let pending = Atomic<Bool>(false)

  package init() throws(Errno) {
    let raw = eventfd(0, CInt(EFD_NONBLOCK | EFD_CLOEXEC))
    guard raw >= 0 else { throw .last("eventfd") }
    descriptor = FileDescriptor(owning: raw)
  }

  package var raw: CInt { descriptor.raw }

  /// [any thread] What was written before this call is seen by the loop after `acknowledge`.
  package borrowing func wake() {
    guard !pending.exchange(true, ordering: .acquiringAndReleasing) else { return }
    var one: UInt64 = 1
    unsafe Glibc.write(descriptor.raw, &one, 8)
  }

  /// The loop has woken, by an edge, and is about to look for work. The count is never read: each write is an edge, and
  /// 2^64 of them do not come.
  package borrowing func acknowledge() {
    _ = pending.exchange(false, ordering: .acquiringAndReleasing)
  }
}
