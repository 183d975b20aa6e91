import HTTP
import Platform
import Synchronization
import TLS

/// A client's connection, as the loop sees it.
@safe
struct Connection {
  let address: UnsafeMutablePointer<ConnectionRecord>

  var record: ConnectionRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// What comes back with its events: slot and generation, so that an event for a predecessor is known as such.
  var token: UInt64 { UInt64(record.generation) << 32 | UInt64(UInt32(bitPattern: record.slot)) }

  /// Where input is read from now: the body's own buffer once there is one.
  var source: Buffer? { record.body ?? record.input }
}

@safe
struct ConnectionRecord: ~Copyable {
  enum Phase: UInt8 {
    /// In the pool of free records.
    case free
    /// The PROXY header is awaited.
    case proxyHeader
    /// TLS is being agreed on.
    case handshake
    /// Between requests.
    case idle
    /// A head is arriving.
    case head
    /// It speaks HTTP/2: requests are its streams.
    case http2
    /// A plugin has the request.
    case exchange
    /// A thread of the pool owns the connection until the answer is out: the loop touches nothing of it.
    case lent
    /// The answer is out; what is left of the request's body is read away.
    case discarding
    /// The last answer is on its way out; then the connection closes.
    case closing
    /// Our side is shut; the client's last bytes are read so that no reset overtakes the answer.
    case lingering
  }

  struct Flags: OptionSet {
    let rawValue: UInt32
    /// The socket may have bytes; cleared by a read that got fewer than it asked for.
    static let readable = Flags(rawValue: 1 << 0)
    /// The socket may take bytes; cleared by a write that would block.
    static let writable = Flags(rawValue: 1 << 1)
    /// The client will send no more.
    static let peerClosed = Flags(rawValue: 1 << 2)
    /// Reset, or a write failed.
    static let broken = Flags(rawValue: 1 << 3)
    /// What is queued is the last that our side sends.
    static let ends = Flags(rawValue: 1 << 4)
    /// Registered with epoll.
    static let registered = Flags(rawValue: 1 << 5)
    /// A refusal has been logged.
    static let complained = Flags(rawValue: 1 << 6)
    /// To be closed by shutdown, reading to the end, close.
    static let lingers = Flags(rawValue: 1 << 7)
    /// To be closed by a reset: nothing else tells the client that the answer is not whole.
    static let resets = Flags(rawValue: 1 << 8)
    /// What the client's side says of itself and of hops before it counts.
    static let trusted = Flags(rawValue: 1 << 9)
    /// It came with a PROXY header.
    static let proxied = Flags(rawValue: 1 << 10)
    /// TLS has to write before it can read, or the other way round.
    static let readsWhenWritable = Flags(rawValue: 1 << 11)
    static let writesWhenReadable = Flags(rawValue: 1 << 12)
    static let crossed: Flags = [.readsWhenWritable, .writesWhenReadable]
    /// Nothing has come yet that decides between HTTP/1 and HTTP/2.
    static let mayBeHTTP2 = Flags(rawValue: 1 << 13)
    /// Our side has ended, after the last byte of it.
    static let ended = Flags(rawValue: 1 << 14)
    /// Bytes that were queued have been dropped. The client may be within a message that they belonged to, and would take
    /// what follows for the rest of it: nothing is sent any more.
    static let severed = Flags(rawValue: 1 << 15)
    /// The end of the connection is the end of the body that is on its way out.
    static let endsBody = Flags(rawValue: 1 << 16)
    /// A request that was read waits until the client has taken the answers before it.
    static let heldBack = Flags(rawValue: 1 << 17)
    /// Its last response was made before requests were cut, and is not out.
    static let unsent = Flags(rawValue: 1 << 18)
  }

  let slot: Int32
  var generation: UInt32 = 0
  var fd: CInt = -1
  var phase = Phase.free
  var flags: Flags = []
  var listener: UInt16 = 0
  var clientPort: UInt16 = 0
  var clientAddressCount: UInt8 = 0
  var input: Buffer?
  var body: Buffer?
  var output = OutputQueue()
  /// What the bytes go through; nil for cleartext, and after our side of TLS has ended.
  var tls: TLSSession?
  /// The present request of HTTP/1.
  var request: Request?
  var http2: HTTP2Connection?
  /// All bytes received, and how many of them, and of those sent, have been counted for the worker.
  var received: UInt64 = 0
  var receivedNoted: UInt64 = 0
  var sentNoted: UInt64 = 0
  /// Bytes that threads have sent past its queue.
  let sentByThreads = Atomic<UInt64>(0)
  /// What its queue had sent for the connections that had the record before.
  var sentBefore: UInt64 = 0
  /// Monotonic nanoseconds; `.max` for none.
  var deadline = UInt64.max
  var progress = TransferProgress()
  /// The deadline, if it is for a look at output that the client does not take, and the one that it came before.
  var lookDeadline = UInt64.max
  var phaseDeadline = UInt64.max
  var wheelTick: UInt64 = 0
  var wheelNext: Int32 = -1
  var wheelPrevious: Int32 = -1
  /// Whether a thread of the pool has given its request back.
  let loan = Loan()
  /// What epoll has told while a thread owned the connection.
  var missed: Epoll.Interest = []
  /// Why it is broken, for its exchange.
  var failure = Outcome.closed
  /// In the loop's list of connections to look at: the loop's own, also while the connection is lent.
  var isQueued = false
  var nextQueued: Int32 = -1
  var nextFree: Int32 = -1

  init(slot: Int32) { self.slot = slot }
}

/// How a transfer goes, for its deadline and `limits.min_rate`.
struct TransferProgress {
  private(set) var windowStart: UInt64 = 0
  private(set) var lastByte: UInt64 = 0
  private var pausedAt: UInt64 = 0
  private var bytes = 0
  /// Of output: what the client had taken of all that was sent, when that was last looked at; `.max` if never.
  private var taken = UInt64.max
  /// All bytes so far.
  private(set) var total = 0

  mutating func begin(_ now: UInt64) {
    windowStart = now
    lastByte = now
    bytes = 0
  }

  mutating func moved(_ count: Int, _ now: UInt64) {
    guard count > 0 else { return }
    bytes &+= count
    total &+= count
    lastByte = now
  }

  /// The socket has taken something: there is room where the client has made some.
  mutating func flowed(_ now: UInt64) { lastByte = now }

  /// The client has taken so many bytes of all that were sent. What is seen first is what the others are held against:
  /// more than the client's pace may have filled the buffers between.
  mutating func took(_ all: UInt64, _ now: UInt64) {
    if taken == .max {
      taken = all
      restartWindow(now)
    } else if all > taken {
      moved(Int(clamping: all &- taken), now)
      taken = all
    }
  }

  mutating func restartWindow(_ now: UInt64) {
    windowStart = now
    bytes = 0
  }

  /// How often it is looked at what a client has taken: a socket that has room tells of it only when a third is free.
  static func lookInterval(_ timeout: UInt64) -> UInt64 { timeout / 4 }

  /// Somebody waits for bytes.
  var isRunning: Bool { windowStart != 0 && pausedAt == 0 }

  /// Nobody waits for bytes from now on: the time until `resume` does not count.
  mutating func pause(_ now: UInt64) { pausedAt = now }

  /// Somebody waits, for the first time or again.
  mutating func resume(_ now: UInt64) {
    if windowStart == 0 {
      begin(now)
    } else if pausedAt != 0 {
      windowStart &+= now &- pausedAt
      lastByte = now
    }
    pausedAt = 0
  }

  /// When `judge` has to look at the latest.
  func nextJudgement(timeout: UInt64) -> UInt64 { min(lastByte, windowStart) &+ timeout }

  /// The rate is about to be judged.
  func isWindowOver(_ now: UInt64, timeout: UInt64) -> Bool { now >= windowStart &+ timeout }

  enum Verdict {
    case stalled, tooSlow
    /// All is well until this moment.
    case fine(until: UInt64)
  }

  /// - Parameters:
  ///   - timeout: the longest pause, and the window over which the rate is averaged.
  ///   - rate: bytes a second; 0 for no least rate.
  mutating func judge(_ now: UInt64, timeout: UInt64, rate: Int) -> Verdict {
    if now >= lastByte &+ timeout { return .stalled }
    if now >= windowStart &+ timeout {
      let least = UInt64(rate).multipliedFullWidth(by: now - windowStart)
      if UInt64(clamping: bytes).multipliedFullWidth(by: Clock.nanosecondsPerSecond) < least { return .tooSlow }
      windowStart = now
      bytes = 0
    }
    return .fine(until: min(lastByte, windowStart) &+ timeout)
  }
}
