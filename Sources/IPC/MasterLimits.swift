import Platform

/// Limits on the messages of a master. A correct master stays well below them, whatever its configuration. Exceeding one is a
/// protocol violation.
package enum MasterLimits {
  /// Messages with parameters.
  package static let settings = 64
  /// Listening sockets, and listener specs.
  package static let listeners = 4096
  package static let plugins = 4096
  /// Files and folders that are watched. A supervisor of a version that knows none of them ignores as many messages.
  package static let watched = 48
  /// The information on all plugins, in bytes.
  package static let pluginInfoBytes = 256 << 10
  /// Active workers. `slots` has room for their replacements, and for workers added later.
  package static let workers = 1024
  package static let slots = 2 * (workers + spareWorkers)
  /// Workers that can be added to a generation after its start.
  package static let spareWorkers = 16
  /// The largest difference from the configured number of workers.
  package static let maxWorkerDelta = 1024
  /// The maximum length of a step's name and of the reason of a failure, in bytes. Longer ones are truncated.
  package static let step = 256
  package static let failure = 2048
  /// The largest configuration that is kept for the control socket, in bytes.
  package static let configuration = 1 << 20
  /// The size of the shared store, in bytes.
  package static let store = 1 << 40
  /// Messages of unknown kinds, which a master of a later version may send.
  package static let unknown = 64
  /// The messages at once, and the average per second. A thousand workers that start and end at once cause fewer.
  package static let burst = 16_384
  package static let rate = 4096
  /// Messages that are read before other events are handled.
  package static let messagesPerTurn = 64
  /// The maximum number of messages read from a master that has ended. The pipe can't hold as many, since each message
  /// takes a page (pipe(7)). The time is limited too, because another process can keep writing.
  package static let finalMessages = 512
  package static let finalMessagesTime = 100 * Clock.nanosecondsPerMillisecond

  /// The initial number of workers of a generation: at least one.
  package static func workers(configured: Int, workerDelta: Int) -> Int {
    min(max(1, configured.addingReportingOverflow(workerDelta).partialValue), workers)
  }

  /// The number, limited to the range by which a service may be scaled.
  package static func clamped(workerDelta: Int) -> Int { min(max(workerDelta, -maxWorkerDelta), maxWorkerDelta) }
}
