import CLinux
import Glibc

/// Threads, for workers only: a process that forks has one thread.
package struct Thread: @unchecked Sendable {
  // A pthread_t is passed to pthread_join, which any thread may call.
  private let handle: pthread_t

  /// Starts a thread that runs `body`. Its signal mask is the one that the program was started with, since plugins may
  /// start programs from it. Signals to the process go to its first thread, which blocks none.
  ///
  /// - Parameter name: the name in top and debuggers; at most 15 bytes.
  package static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) -> Thread {
    var handle = pthread_t()
    let box = unsafe Unmanaged.passRetained(Body(name, body))
    var mask = unsafe Signals.setup.mask
    var before = sigset_t()
    unsafe pthread_sigmask(SIG_SETMASK, &mask, &before)
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    var size = 0
    unsafe pthread_attr_getstacksize(&attributes, &size)
    unsafe pthread_attr_setstacksize(&attributes, max(size, minStackSize))
    let code = unsafe pthread_create(
      &handle, &attributes,
      { argument in
        let body = unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        unsafe outrider_name_thread(body.name)
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

  /// The usual stack size of a first thread, regardless of RLIMIT_STACK.
  private static let minStackSize = 8 << 20

  /// Lets another thread run.
  package static func yield() { sched_yield() }

  package func join() { pthread_join(handle, nil) }

  /// Waits until `deadline` (monotonic nanoseconds); false if the thread has not ended by then.
  package func join(until deadline: UInt64) -> Bool { outrider_join(handle, deadline) == 0 }

  /// The kernel's ID of the calling thread.
  package static var id: pid_t { outrider_gettid() }

  /// A pointer that belongs to the calling thread; initially nil.
  package static var context: UnsafeMutableRawPointer? {
    get { unsafe outrider_thread_context() }
    set { unsafe outrider_set_thread_context(newValue) }
  }

  private final class Body {
    let name: String
    let run: @Sendable () -> Void

    init(_ name: String, _ run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }
}
