/// The kinds of messages between a master and its workers.
package enum WorkerMessage: UInt8, Sendable {
  /// Worker to master: it serves.
  case ready = 1
  /// Worker to master: a plugin failed to load, or its worker_start refused; `reason` says why.
  case startFailed = 2
  /// Worker to master: it has served `server.max_requests`, and asks to be replaced.
  case replacementWanted = 5
  /// Master to worker: drain and exit.
  case drain = 3
  /// Master to worker: exit now.
  case stop = 4
  /// Master to worker: the supervisor is gone. As `drain`, but without waiting for idle connections.
  case orphaned = 6
  /// Master to worker: the new keys of session tickets, as `keys`.
  case ticketKeys = 7
  /// Master to worker: a reopened log, as a descriptor; see `LogName`.
  case log = 8
  /// Master to worker: a plugin is paused; see `PluginPause`.
  case pause = 9
}
