import COutrider
import HTTP
import Logging
import Platform

/// `outrider_host.log`.
enum HostLog {
  /// The longest message, in bytes.
  private static let limit = 4096

  static func log(
    _ host: UnsafePointer<outrider_host>?, _ exchange: outrider_exchange, _ level: UInt32, _ message: outrider_bytes
  ) {
    let text = unsafe Bytes(message)
    guard let plugin = unsafe HostTable.plugin(host), text.isWellFormed else { return }
    let (logger, level) = (logger, HostLog.level(level))
    guard level >= logger.logLevel else { return }
    var line = "plugin \(plugin.record.nameText): \(LogText.escaped(text, limit: limit))"
    if exchange.id != 0, let open = Runtime.current?.record.exchanges.find(exchange),
      let details = open.logDetails(of: exchange)
    {
      line += details
    }
    logger.log(level: level, "\(line)")
  }

  /// The worker's log; in the master, a log of its own.
  private static var logger: Logger {
    Runtime.current?.record.log ?? ErrorLog.logger(role: "master", level: .info)
  }

  /// Whether a line of that level is written.
  static func isEnabled(_ level: UInt32) -> Bool { self.level(level) >= (Runtime.current?.record.level ?? .info) }

  private static func level(_ level: UInt32) -> Logger.Level {
    switch level {
    case OUTRIDER_LOG_DEBUG: .debug
    case OUTRIDER_LOG_INFO: .info
    case OUTRIDER_LOG_WARNING: .warning
    case OUTRIDER_LOG_CRITICAL: .critical
    default: .error
    }
  }
}
