/// A value of the configuration that the supervisor needs, identified by its field's key. The supervisor does not read
/// the configuration: the master sends the values.
package enum MasterParameter: String, Sendable {
  /// In nanoseconds, like the next four.
  case bootTimeout = "boot_timeout"
  case gracefulTimeout = "graceful_timeout"
  case restartBackoff = "restart_backoff"
  case workerTimeout = "worker_timeout"
  case shutdownDelay = "shutdown_delay"
  /// The Server field of responses; empty for none.
  case serverHeader = "http.server_header"
  /// The path of the pid file.
  case pidFile = "pidfile"
  /// The lowest level of messages that are logged.
  case logLevel = "log.level"
  /// The path of the error log if it is a file, or `journal`.
  case errorLog = "log.error"
  /// The same for the access log.
  case accessLog = "log.access"
  /// The path of the control socket.
  case control = "control.socket"
  /// The address of the metrics listener: see `SocketAddress.init(text:)`.
  case metrics = "metrics.bind"
  /// The user that masters and workers become: see `ServiceUser.text`. Not sent if it stays the same.
  case user = "server.user"
  /// The size of the store that workers share, in bytes. Not sent if there is none.
  case storeSize = "store.size"
  /// The version of its layout, which only masters and workers know.
  case storeLayout = "store.layout"
  /// How many workers are configured.
  case workers
}
