import CLinux
import Glibc

/// A timerfd on CLOCK_MONOTONIC: becomes readable at the moment it is armed for.
package struct TimerDescriptor: ~Copyable {
  private let descriptor: FileDescriptor
  /// The moment that it is armed for; `.max` if it is not armed.
  private var armed = UInt64.max

  package init() throws(Errno) {
    let raw = timerfd_create(CLOCK_MONOTONIC, CInt(TFD_NONBLOCK | TFD_CLOEXEC))
    guard raw >= 0 else { throw .last("timerfd_create") }
    descriptor = FileDescriptor(owning: raw)
  }

  package var raw: CInt { descriptor.raw }

  /// Arms for `moment` (monotonic nanoseconds), or disarms with `.max`. A moment in the past fires at once.
  package mutating func arm(_ moment: UInt64) {
    guard moment != armed else { return }
    armed = moment
    var time = itimerspec()
    if moment != .max {
      // Zero would disarm the timer.
      let moment = max(1, moment)
      time.it_value.tv_sec = Int(moment / Clock.nanosecondsPerSecond)
      time.it_value.tv_nsec = Int(moment % Clock.nanosecondsPerSecond)
    }
    unsafe timerfd_settime(descriptor.raw, CInt(TFD_TIMER_ABSTIME), &time, nil)
  }

  /// Takes the expiration, so that the descriptor is no longer readable.
  package mutating func acknowledge() {
    var expirations: UInt64 = 0
    unsafe Glibc.read(descriptor.raw, &expirations, 8)
    armed = .max
  }
}
