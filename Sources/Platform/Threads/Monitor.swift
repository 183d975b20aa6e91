import Glibc

/// A mutex with a condition, at an address that does not move.
@safe
package struct Monitor: ~Copyable, @unchecked Sendable {
  // The pointees are accessed only by pthread calls, which makes it Sendable.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  package init() {
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    unsafe pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    unsafe pthread_cond_init(condition, &attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe pthread_mutex_destroy(mutex)
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  package borrowing func lock() { unsafe pthread_mutex_lock(mutex) }
  package borrowing func unlock() { unsafe pthread_mutex_unlock(mutex) }
  package borrowing func signal() { unsafe pthread_cond_signal(condition) }
  package borrowing func broadcast() { unsafe pthread_cond_broadcast(condition) }

  /// With the lock held: releases it until signalled. May return spuriously.
  package borrowing func wait() { unsafe pthread_cond_wait(condition, mutex) }

  /// The same until `deadline` (monotonic nanoseconds); false if that has passed.
  package borrowing func wait(until deadline: UInt64) -> Bool {
    if deadline == .max {
      wait()
      return true
    }
    var time = timespec(
      tv_sec: Int(deadline / Clock.nanosecondsPerSecond), tv_nsec: Int(deadline % Clock.nanosecondsPerSecond))
    return unsafe pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
  }
}
