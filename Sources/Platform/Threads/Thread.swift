import CLinux
import Glibc

/// Threads, for workers alone: a process that forks has one.
package struct Thread: @unchecked Sendable {
  // A pthread_t is a number to pthread_join, which any thread may call.
  private let handle: pthread_t

  /// Starts a thread that runs `body`. Its signal mask is the one that the program was started with, since plugins start
  /// programs from it; signals to the process go to its first thread, which blocks none.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(Errno) -> Thread {
    var handle = pthread_t()
    let box = unsafe Unmanaged.passRetained(Body(body))
    var mask = unsafe Signals.setup.mask
    var before = sigset_t()
    unsafe pthread_sigmask(SIG_SETMASK, &mask, &before)
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    var size = 0
    unsafe pthread_attr_getstacksize(&attributes, &size)
    unsafe pthread_attr_setstacksize(&attributes, max(size, leastStack))
    let code = unsafe pthread_create(
      &handle, &attributes,
      { argument in
        let body = unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        body.run()
        return nil
      }, box.toOpaque())
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    guard code == 0 else {
      unsafe box.release()
      throw Errno(code: code, attempt: "pthread_create")
    }
    return Thread(handle: handle)
  }

  /// As the first thread of a process usually has, whatever RLIMIT_STACK says.
  private static let leastStack = 8 << 20

  /// Lets another thread run.
  package static func yield() { sched_yield() }

  package func join() { pthread_join(handle, nil) }

  /// Waits until `deadline` (monotonic nanoseconds) at most; false if the thread has not ended by then.
  package func join(until deadline: UInt64) -> Bool { outrider_join(handle, deadline) == 0 }

  /// The kernel's number of the calling thread.
  package static var id: pid_t { outrider_gettid() }

  /// One pointer that belongs to the calling thread; nil at its start.
  package static var context: UnsafeMutableRawPointer? {
    get { unsafe outrider_thread_context() }
    set { unsafe outrider_set_thread_context(newValue) }
  }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}
