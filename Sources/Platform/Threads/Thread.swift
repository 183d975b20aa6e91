import CLinux
import Glibc

/// Threads, for workers alone: a process that forks has one.
package struct Thread: @unchecked Sendable {
  // A pthread_t is a number to pthread_join, which any thread may call.
  private let handle: pthread_t

  /// Starts a thread that runs `body`; all signals are blocked in it.
  package static func start(_ body: @escaping @Sendable () -> Void) throws(Errno) -> Thread {
    var handle = pthread_t()
    let box = unsafe Unmanaged.passRetained(Body(body))
    var all = sigset_t()
    var before = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    let code = unsafe pthread_create(
      &handle, nil,
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

  /// The process has been forked and is to have threads: those share Swift's locks with the calling one only if the
  /// runtime knows it by its present number.
  package static func renumber() throws(Errno) {
    let code = outrider_renumber_thread()
    guard code == 0 else { throw Errno(code: code, attempt: "pthread_create") }
  }

  /// Lets another thread run.
  package static func yield() { sched_yield() }

  package func join() { pthread_join(handle, nil) }

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
