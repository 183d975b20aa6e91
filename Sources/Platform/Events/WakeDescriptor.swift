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

  /// The loop has woken and is about to look for work.
  package borrowing func acknowledge() {
    var count: UInt64 = 0
    unsafe Glibc.read(descriptor.raw, &count, 8)
    _ = pending.exchange(false, ordering: .acquiringAndReleasing)
  }
}
