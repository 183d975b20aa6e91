import CSystemd
import Glibc
import Platform

/// A notification to the service manager over NOTIFY_SOCKET, if that is set. See sd_notify(3). The texts are for
/// `systemctl status`.
enum ServiceNotification: Equatable {
  case ready(String)
  /// A reload has begun. `ready` must follow, even if it fails.
  case reloading(String)
  /// - Parameter within: how many nanoseconds stopping may take, beyond the manager's own limit (TimeoutStopSec=); nil
  ///   to keep that limit.
  case stopping(String, within: UInt64? = nil)
  case status(String)
  case watchdog

  /// The interval of `watchdog` in nanoseconds, half of the manager's limit; nil without a watchdog.
  static var watchdogInterval: UInt64? {
    var microseconds: UInt64 = 0
    guard unsafe sd_watchdog_enabled(0, &microseconds) > 0, microseconds > 0 else { return nil }
    return max(1, microseconds / 2).multipliedReportingOverflow(by: 1000).partialValue
  }

  func send() { _ = unsafe sd_notify(0, lines.joined(separator: "\n")) }

  private var lines: [String] {
    switch self {
    case .ready(let status): ["READY=1", ServiceNotification.line(status)]
    case .reloading(let status):
      // The time tells systemd that this responds to the signal that it has just sent.
      ["RELOADING=1", "MONOTONIC_USEC=\(Clock.monotonic() / 1000)", ServiceNotification.line(status)]
    case .stopping(let status, let time):
      ["STOPPING=1"] + (time.map { ["EXTEND_TIMEOUT_USEC=\($0 / 1000)"] } ?? []) + [ServiceNotification.line(status)]
    case .status(let status): [ServiceNotification.line(status)]
    case .watchdog: ["WATCHDOG=1"]
    }
  }

  /// One line that fits into a datagram.
  private static func line(_ status: String) -> String {
    "STATUS=" + String(decoding: status.utf8.prefix(1024).map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
  }
}
