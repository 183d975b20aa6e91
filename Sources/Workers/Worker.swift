import Configuration
import HTTP
import Logging
import Platform
import PluginHost
import Synchronization
import TLS

/// A worker process from within: one loop thread that owns the connections, and, for blocking handlers under async, a
/// pool of threads. The models differ in three answers only: how many connections at once, whether they are kept, and
/// where a blocking handler runs.
@safe
struct Worker {
  let address: UnsafeMutablePointer<WorkerRecord>

  var record: WorkerRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// The one worker of this process: the transports, which get no other context, find it here. Written once, before
  /// any request.
  nonisolated(unsafe) private static var installed: UnsafeMutablePointer<WorkerRecord>?

  static var current: Worker { unsafe Worker(address: installed.unsafelyUnwrapped) }

  static func install(_ record: consuming WorkerRecord) -> Worker {
    let address = UnsafeMutablePointer<WorkerRecord>.allocate(capacity: 1)
    unsafe address.initialize(to: record)
    unsafe installed = address
    return unsafe Worker(address: address)
  }
}

/// Where a listener's connections come from.
struct Listener {
  let fd: CInt
  let isUnix: Bool
  /// Its connections begin with TLS.
  let isSecure: Bool
  /// The bound address as text, and its port.
  let serverAddress: Bytes
  let serverPort: UInt16
  /// Registered with epoll.
  var isRegistered = false
  /// Clients in its backlog that a worker which is to finish serves still.
  var lastClients = 0
  /// When that worker waits for no more of them; 0 if it takes those that there are.
  var lastClientsUntil: UInt64 = 0
  var isClosed = false
}

@safe
struct WorkerRecord: ~Copyable {
  let settings: WorkerSettings
  let transports: Transports
  let runtime: Runtime
  let thread: WorkerThread
  let plugins: [Plugin]
  let router: Router
  var pauses: PluginPauses
  let log: Logger
  var lines = ClientLines()
  /// Nil if there is none.
  let accessLog: AccessLog?
  /// When it may be complained of again.
  var accessComplaintAt: UInt64 = 0
  let epoll: Epoll
  var timer: TimerDescriptor
  let channel: Channel
  var listeners: [Listener]
  /// The one that has the first turn when accepting goes on: the next of that which had the last.
  var firstListener = 0
  /// What secures their connections, by the same index; nil for cleartext.
  let tls: [TLSContext?]
  /// Several workers share the listeners.
  let sharesListeners: Bool
  var table: ConnectionTable
  var requests: RequestPool
  var wheel: DeadlineWheel
  var ids = RequestIDs()
  let mailbox = Mailbox()
  var pool: ThreadPool?
  /// Monotonic nanoseconds, as of this turn of the loop.
  var now: UInt64
  /// The moment at which the next second of the epoch begins.
  var secondEnds: UInt64 = 0
  /// The list of connections to look at in this turn.
  var firstQueued: Int32 = -1
  var lastQueued: Int32 = -1
  /// The connection that is pumped, or -1, and whether it has been queued meanwhile.
  var pumped: Int32 = -1
  var isPumpedAgain = false
  /// Sessions of TLS and HTTP/2 that have ended since memory was last given back.
  var endedSessions = 0
  /// Requests begun so far.
  var begun: UInt64 = 0
  var attention = Attention.none
  var crowding = Crowding()
  /// Accepting pauses until then: the process has no descriptor left.
  var acceptAgainAt: UInt64 = 0
  /// As long as the table is full, nobody is accepted before then: there was nothing to close for a newcomer.
  var makeRoomAgainAt: UInt64 = 0
  var drain = Drain.serving
  /// The same for other threads.
  let isDraining = Atomic<Bool>(false)
  /// By when a draining worker must be gone, and by when its requests.
  var drainDeadline = UInt64.max
  var requestsDeadline = UInt64.max
  /// What had not been answered by then has been refused.
  var hasCutRequests = false
  /// Rung when they are: threads that wait for a client look whether theirs is among them.
  let cutBell: WakeDescriptor
  let gracefulTimeout: UInt64
  /// Under sync the request whose handler runs, as a number, and whether somebody else looks at it: see `HandlerWatch`.
  let handling = Atomic<UInt>(0)
  var proxiedHintsExplained = false
  /// When it may be told again that there is no temporary file.
  let spoolComplaintAt = Atomic<UInt64>(0)
  /// What the worker shows of itself.
  let slot: ScoreboardSlot
  /// The number of requests after which the worker asks to be relieved; `.max` when it has, or never does.
  var lifetime: UInt64
  /// When the heartbeat is due although nothing else happens; `.max` if nobody watches it.
  var heartbeatDue: UInt64

  enum Drain { case serving, draining, stopping }
}
