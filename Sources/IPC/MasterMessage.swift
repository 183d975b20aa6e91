/// The kinds of messages between the supervisor and a master. Each message has `KeyedFields`. Each side ignores unknown kinds and
/// fields: the other side can be of a later version.
///
/// A master sends its parameters and `configured`, and receives the stored listeners and `begin`. It sends what it has bound,
/// its listener specs, its scoreboard, its configuration, and `sealed`. Until then it runs the server's own code alone and is
/// trusted. When `sealed` is answered, it loads the plugins, reports its steps, and ends its start with `ready`, or with
/// `failed` and its exit. From `sealed` on plugin code runs in it: no message has a descriptor, and none has parameters,
/// listeners or paths. `MasterProtocol` has the rules.
package enum MasterMessage: UInt8 {
  /// Either way: a listening socket; see `PassedListener`. The supervisor keeps them for the next master.
  case listener = 1
  /// Supervisor to master: all stored listeners have been sent; begin.
  case begin = 2
  /// Master to supervisor: its workers are ready.
  case ready = 3
  /// Supervisor to master: drain and exit. With `superseded` another generation serves, so that the service does not end.
  case drain = 4
  /// Supervisor to master: exit now, with `superseded` in the same sense.
  case stop = 5
  /// Master to supervisor: parameters of the supervisor; see `MasterParameter`.
  case setting = 6
  /// Master to supervisor: the configuration is read, and all parameters have been sent.
  case configured = 7
  /// Master to supervisor: a listener that it serves, as a `ListenerSpec`. Stored listeners without one are closed.
  case claim = 8
  /// Master to supervisor: its present step as `text`, such as `loading plugin hello`, to be named if it takes too long.
  case step = 9
  /// Master to supervisor: why it can't start, as `reason`; its exit follows.
  case failed = 10
  /// Master to supervisor: another process has told it to exit. It serves until another generation does.
  case leaving = 11
  /// Supervisor to master: how many workers to add, as `by`; negative to remove. Before `begin` relative to the
  /// configured number, later to the current one.
  case scale = 12
  /// Master to supervisor: its scoreboard, as a descriptor; `size` is in bytes.
  case scoreboard = 13
  /// Either way: the keys of session tickets as `keys`, which the supervisor keeps unread for the next master.
  case ticketKeys = 14
  /// Supervisor to master: a reopened log file, as a descriptor; see `LogName`. Before `begin`, a stream of the journal, if the
  /// log goes there.
  case log = 15
  /// Master to supervisor: a worker has changed its state; see `WorkerStatus`.
  case worker = 16
  /// Master to supervisor: a loaded plugin; see `PluginInfo`.
  case plugin = 17
  /// Master to supervisor: its effective configuration, as a descriptor of a `MemoryFile`.
  case configuration = 18
  /// Supervisor to master: replace the worker with this `pid`.
  case retire = 19
  /// Master to supervisor: everything that needs trust has been sent. Supervisor to master: acknowledged, plugins may
  /// be loaded; see `Channel.seal`.
  case sealed = 20
  /// Supervisor to master: the store that workers share, as a descriptor. Before `begin`.
  case store = 25
  /// Master to supervisor, before `configured`: what is watched for changes; see `WatchedPath`.
  case watch = 26
  /// Master to supervisor: a plugin is paused; see `PluginPause`.
  case paused = 24
}
