import Glibc

/// The system's clocks, in the server's units.
@usableFromInline
package enum Clock {
  @inlinable package static var nanosecondsPerSecond: UInt64 { 1_000_000_000 }
  @inlinable package static var nanosecondsPerMillisecond: UInt64 { 1_000_000 }

  /// Nanoseconds of CLOCK_MONOTONIC: for deadlines.
  @inlinable
  @inline(__always)
  package static func monotonic() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(truncatingIfNeeded: time.tv_sec) &* nanosecondsPerSecond &+ UInt64(truncatingIfNeeded: time.tv_nsec)
  }

  /// Nanoseconds since the epoch.
  package static func epochNanoseconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* Int64(nanosecondsPerSecond) &+ Int64(time.tv_nsec)
  }

  /// Seconds since the epoch, for Date and log lines. Reading the coarse clock is a read of memory.
  package static func epochSeconds() -> Int64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return Int64(time.tv_sec)
  }
}
