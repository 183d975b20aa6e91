import CSystemd
import Glibc
import Platform

/// What the service manager is told, over NOTIFY_SOCKET; nothing where there is none. See sd_notify(3).
enum ServiceNotification {
  /// Serving, in plain words for `systemctl status`.
  static func ready(_ status: String) { send("READY=1\nSTATUS=\(plain(status))") }

  /// A reload has begun; `ready` follows it, however it ends.
  static func reloading(_ status: String) {
    // The moment proves to systemd that this answers the signal that it has just sent.
    let microseconds = Clock.monotonic() / 1000
    send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)\nSTATUS=\(plain(status))")
  }

  static func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(plain(status))") }

  static func status(_ status: String) { send("STATUS=\(plain(status))") }

  static func watchdog() { send("WATCHDOG=1") }

  /// How often `watchdog` is to be called, half of the time that the manager waits, in nanoseconds; nil if it does not.
  static var watchdogInterval: UInt64? {
    var microseconds: UInt64 = 0
    guard unsafe sd_watchdog_enabled(0, &microseconds) > 0, microseconds > 0 else { return nil }
    return max(1, microseconds / 2).multipliedReportingOverflow(by: 1000).partialValue
  }

  private static func send(_ text: String) { _ = unsafe sd_notify(0, text) }

  /// One line, of a length that a datagram has room for.
  private static func plain(_ text: String) -> String {
    String(decoding: text.utf8.prefix(1024).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
  }
}
