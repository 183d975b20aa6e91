/// The kinds of messages between the supervisor and a master. Each side ignores those that it does not know: the other
/// may be of a later version.
///
/// A master sends its settings and `configured`, gets the stored listeners and `begin`, sends what it has bound, its claims,
/// its scoreboard and its configuration, and `sealed`. Until then it is the server's own code and is believed. When that is
/// answered it loads the plugins, tells its steps, and ends its start with `ready`, or with `failed` and its exit. From
/// `sealed` on it may run anybody's code: no message has a descriptor then, and none says anything of settings, of listeners
/// or of paths. `MasterTalk` has the rules.
package enum MasterMessage: UInt8 {
  /// Either way: a listening socket, under the name of its bind setting. The supervisor keeps them for the next master.
  /// One that it was started with is `fd:N`, and `systemd:NAME` on a second line if it has come from there.
  case listener = 1
  /// Supervisor to master: all stored listeners have been sent; begin.
  case begin = 2
  /// Master to supervisor: its workers are ready.
  case ready = 3
  /// Supervisor to master: finish and leave. With a text another generation goes on, so that this is no end of the service.
  case drain = 4
  /// Supervisor to master: leave now; likewise.
  case stop = 5
  /// Master to supervisor: `name=value`, of what the supervisor has to know; see `MasterSetting`.
  case setting = 6
  /// Master to supervisor: its configuration is read, and all settings have been sent.
  case configured = 7
  /// Master to supervisor: it serves this listener, see `ListenerClaim`. Stored ones that no serving master claims are closed.
  case claim = 8
  /// Master to supervisor: what it does now, such as `loading plugin hello`, for the case that this takes too long.
  case step = 9
  /// Master to supervisor: why it can't start; its exit follows.
  case failed = 10
  /// Master to supervisor: it was told by somebody else to finish, and does.
  case leaving = 11
  /// Supervisor to master: so many workers more, or fewer, as decimal text. Before `begin` it counts from the configured
  /// number, then from the present one.
  case scale = 12
  /// Master to supervisor: its scoreboard, as a descriptor; the text is its size in bytes.
  case scoreboard = 13
  /// Either way: the keys of session tickets, which the supervisor keeps unread for the next master.
  case ticketKeys = 14
  /// Supervisor to master: a log file that has been opened anew, as a descriptor; the text is its `LogName`. Before
  /// `begin`, a stream of the journal, if that is the log.
  case log = 15
  /// Master to supervisor: a worker has come, is ready, leaves or has gone; see `WorkerNotice`.
  case worker = 16
  /// Master to supervisor: a plugin that it has loaded; see `PluginNotice`.
  case plugin = 17
  /// Master to supervisor: its effective configuration, as a descriptor of a file that has the text; see `MemoryFile`.
  case configuration = 18
  /// Supervisor to master: the worker with this pid, as decimal text, is to be replaced.
  case retire = 19
  /// Master to supervisor: all that only the server's own code may say has been said. Supervisor to master: so it is, and
  /// plugins can be loaded; see `Channel.seal`.
  case sealed = 20
}

/// The logs of a server.
package enum LogName: String, Sendable {
  case error
  case access
}

/// What a master tells the supervisor of its configuration: the supervisor reads none.
package enum MasterSetting: String, Sendable {
  /// In nanoseconds, as the next three.
  case bootTimeout = "boot_timeout"
  case gracefulTimeout = "graceful_timeout"
  case restartBackoff = "restart_backoff"
  case workerTimeout = "worker_timeout"
  /// The path of the pid file.
  case pidFile = "pidfile"
  /// The least severe messages that are logged.
  case logLevel = "log.level"
  /// The path of the error log if that is a file, or `journal`.
  case errorLog = "log.error"
  /// Likewise of the access log.
  case accessLog = "log.access"
  /// The path of the control socket.
  case control = "control.socket"
  /// Where metrics are served: see `SocketAddress.init(text:)`.
  case metrics = "metrics.bind"
  /// Who masters and workers become: see `ServiceUser.text`. Not sent if that is nobody else.
  case user = "server.user"
  /// How many workers are configured.
  case workers
  /// How many there are beyond that, for supervisors of earlier versions; the one that may come after `sealed`, and again.
  case scale
}
