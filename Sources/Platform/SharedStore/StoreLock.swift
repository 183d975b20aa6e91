import CLinux
import Glibc

/// The lock of a shard: a robust mutex, which tells the next process that locks it if its holder has died.
@safe
struct StoreLock {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init(_ memory: UnsafeMutableRawPointer) {
    unsafe mutex = memory.assumingMemoryBound(to: pthread_mutex_t.self)
  }

  /// Called before any process uses it.
  func prepare() {
    var attributes = pthread_mutexattr_t()
    unsafe pthread_mutexattr_init(&attributes)
    unsafe pthread_mutexattr_setpshared(&attributes, CInt(PTHREAD_PROCESS_SHARED))
    unsafe pthread_mutexattr_setrobust(&attributes, CInt(PTHREAD_MUTEX_ROBUST))
    unsafe pthread_mutex_init(mutex, &attributes)
    unsafe pthread_mutexattr_destroy(&attributes)
  }

  enum Outcome {
    case locked
    /// Locked; its former holder has died holding it.
    case inherited
    /// Its holder keeps it longer than any call takes, because it was stopped.
    case busy
    /// The memory does not contain a valid lock.
    case unusable
  }

  /// How long a call waits for another process, whose calls take a few microseconds.
  private static let patience = 200 * Clock.nanosecondsPerMillisecond

  func lock() -> Outcome {
    var status = unsafe pthread_mutex_trylock(mutex)
    if status == EBUSY {
      status = unsafe outrider_lock_until(mutex, Clock.monotonic() &+ StoreLock.patience)
    }
    switch status {
    case 0: return .locked
    case EOWNERDEAD: return .inherited
    case ETIMEDOUT: return .busy
    default: return .unusable
    }
  }

  /// Called after `inherited`, when the locked data are consistent.
  func makeConsistent() { unsafe pthread_mutex_consistent(mutex) }

  func unlock() { unsafe pthread_mutex_unlock(mutex) }
}
