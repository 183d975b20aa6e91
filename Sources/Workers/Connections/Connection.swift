import HTTP
import Memory
import Platform
import PluginHost
import Synchronization
import TLS

/// A client's connection, as the loop sees it.
typealias Connection = Pinned<ConnectionRecord>

extension Connection {
  /// The token of its events: slot and epoch, so that an event for an earlier connection in the slot is recognized.
  var token: UInt64 { UInt64(record.epoch) << 32 | UInt64(UInt32(bitPattern: record.slot)) }

  /// The buffer that input is read from: the body's own once there is one, else the head's.
  var source: Buffer? { record.body ?? record.input }
}

@safe
struct ConnectionRecord: ~Copyable {
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
    /// Nothing follows the queued output on our side.
    static let ends = Flags(rawValue: 1 << 4)
    /// Registered with epoll.
    static let registered = Flags(rawValue: 1 << 5)
    /// A refusal has been logged.
    static let hasLoggedRefusal = Flags(rawValue: 1 << 6)
    /// To be closed by shutdown, reading to the end, close.
    static let lingers = Flags(rawValue: 1 << 7)
    /// To be closed by a reset: nothing else tells the client that the response is not whole.
    static let resets = Flags(rawValue: 1 << 8)
    /// Forwarding fields and PROXY headers of the peer are believed.
    static let trusted = Flags(rawValue: 1 << 9)
    /// The connection began with a PROXY header.
    static let proxied = Flags(rawValue: 1 << 10)
    /// TLS has to write before it can read, or read before it can write.
    static let readsWhenWritable = Flags(rawValue: 1 << 11)
    static let writesWhenReadable = Flags(rawValue: 1 << 12)
    static let crossed: Flags = [.readsWhenWritable, .writesWhenReadable]
    /// Nothing has come yet that distinguishes HTTP/1 from HTTP/2.
    static let mayBeHTTP2 = Flags(rawValue: 1 << 13)
    /// Our side has ended, after its last byte.
    static let ended = Flags(rawValue: 1 << 14)
    /// Queued bytes have been dropped. The client may be within a message that they belonged to, and would read later
    /// bytes as the rest of it. Nothing is sent any more.
    static let severed = Flags(rawValue: 1 << 15)
    /// The body that is being sent ends with the connection.
    static let endsBody = Flags(rawValue: 1 << 16)
    /// A request that was read waits until the client has taken the responses before it.
    static let waitsForOutput = Flags(rawValue: 1 << 17)
    /// The last response was complete before requests were cut, and has not been sent completely.
    static let unsent = Flags(rawValue: 1 << 18)
    /// The thread that owns the connection has been told that requests were cut.
    static let hasSeenCutWake = Flags(rawValue: 1 << 19)
    /// Whether the client's side is encrypted is known: by the connection's own TLS, or from its PROXY header.
    static let secure = Flags(rawValue: 1 << 20)
    /// What the PROXY header says.
    static let toldSecure = Flags(rawValue: 1 << 21)
    static let toldInsecure = Flags(rawValue: 1 << 22)
  }

  let slot: Int32
  var epoch: UInt32 = 0
  var fd: CInt = -1
  var phase = ConnectionPhase.free
  var flags: Flags = []
  var listener: UInt16 = 0
  var clientPort: UInt16 = 0
  var clientAddressCount: UInt8 = 0
  /// The index of the plugin that served its last request; -1 for none.
  var plugin: Int32 = -1
  var input: Buffer?
  var body: Buffer?
  var output = OutputQueue()
  /// The TLS session of its bytes; nil for cleartext, and after our side of TLS has ended.
  var tls: TLSSession?
  /// Made when a plugin first asks for it.
  var tlsDescription: TLSDescription?
  /// The current HTTP/1 request.
  var request: Request?
  var http2: HTTP2Connection?
  /// How much content of the last request may still come before our side ends; `.max` if unknown.
  var rest: Int64 = 0
  /// The bytes received, and how many of these and of the sent bytes have been added to the worker's counters.
  var received: UInt64 = 0
  var receivedNoted: UInt64 = 0
  var sentNoted: UInt64 = 0
  /// Bytes that threads have sent without the output queue.
  let sentByThreads = Atomic<UInt64>(0)
  /// What the output queue had sent for earlier connections in this record.
  var sentBefore: UInt64 = 0
  /// Monotonic nanoseconds; `.max` for none.
  var deadline = UInt64.max
  var progress = TransferProgress()
  /// The deadline, if it is the next check of output that the client does not read, and the deadline that it precedes.
  var outputDeadline = UInt64.max
  var phaseDeadline = UInt64.max
  var wheelTick: UInt64 = 0
  var wheelNext: Int32 = -1
  var wheelPrevious: Int32 = -1
  /// Tells whether a thread of the pool has given the request back.
  let handoff = Handoff()
  /// The events that epoll reported while a thread owned the connection.
  var missed: Epoll.Interest = []
  /// Why the connection is broken: reported to its exchange.
  var failure = CallStatus.closed
  /// The connection is in the loop's ready list. Belongs to the loop, even while a thread owns the connection.
  var isQueued = false
  var nextQueued: Int32 = -1

  init(slot: Int32) { self.slot = slot }
}
