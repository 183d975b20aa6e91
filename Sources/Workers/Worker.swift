import Configuration
import HTTP
import IPC
import Logging
import Memory
import Platform
import PluginHost
import TLS

/// The inside of a worker process: a loop thread that owns the connections and, for blocking handlers under gthread and
/// async, a pool of threads. The models differ in three properties only: the number of connections at once, whether
/// they are kept, and which thread runs a blocking handler.
typealias Worker = Pinned<WorkerRecord>

extension Worker {
  /// The only worker of this process, for the sinks, which get no other context.
  static var current: Worker { unsafe WorkerRecord.installed.unsafelyUnwrapped }

  static func install(_ record: consuming WorkerRecord) -> Worker {
    let worker = Worker(record)
    unsafe WorkerRecord.installed = worker
    return worker
  }
}

@safe
struct WorkerRecord: ~Copyable {
  /// Written once, before any request.
  nonisolated(unsafe) fileprivate static var installed: Worker?

  let settings: WorkerSettings
  let sinks: Sinks
  let runtime: Runtime
  let thread: WorkerThread
  let plugins: [Plugin]
  let router: Router
  var pausedPlugins: PausedPlugins
  let log: Logger
  var logLimits = ClientLogLimits()
  /// Nil if there is no access log.
  let accessLog: AccessLog?
  let epoll: Epoll
  var timer: TimerDescriptor
  let channel: Channel
  /// The supervisor's commands for a worker without a master. -1 if there is no pipe; such a worker drains when its
  /// master is gone.
  var shutdownPipe: CInt = -1
  var acceptor: Acceptor
  /// The TLS context of each listener; nil for cleartext.
  let tls: [TLSContext?]
  var table: ConnectionTable
  var requests: RequestPool
  var wheel: DeadlineWheel
  var ids = RequestIDs()
  let mailbox = Mailbox()
  var ownedLoop = OwnedLoop()
  var pool: ThreadPool?
  var clock: LoopClock
  var ready = ReadyList()
  var sessions = SessionTrimming()
  var recycling: Recycling
  var draining: Draining
  /// The running handler under sync.
  let handler = WatchedHandler()
  let spools: Spools
  /// Where the worker publishes its state.
  let slot: ScoreboardSlot
}
