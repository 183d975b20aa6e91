import Glibc
import Platform

/// Waits of a check, each with an end, and none longer than until a signal asks this process to end.
enum CheckWait {
  /// How long an answer, or a step of the server, may take.
  static let patience = 10 * Clock.nanosecondsPerSecond
  /// How soon a signal is noticed.
  private static let slice = 100 * Clock.nanosecondsPerMillisecond

  static var deadline: UInt64 { Clock.monotonic() &+ patience }
  /// For what may come or not.
  static var moment: UInt64 { Clock.monotonic() &+ slice / 2 }

  /// Whether a condition holds by then.
  static func until(_ deadline: UInt64, _ isMet: () -> Bool) throws(CheckError) -> Bool {
    while true {
      if isMet() { return true }
      guard !Signals.hasHeld else { throw .interrupted }
      guard Clock.monotonic() < deadline else { return false }
      usleep(5000)
    }
  }

  /// Whether a socket is ready by then.
  static func socket(_ fd: CInt, writing: Bool, _ deadline: UInt64) throws(CheckError) -> Bool {
    while true {
      guard !Signals.hasHeld else { throw .interrupted }
      let now = Clock.monotonic()
      guard now < deadline else { return false }
      if ConnectedSocket.wait(fd, writing: writing, deadline: min(deadline, now &+ slice)) { return true }
    }
  }
}
