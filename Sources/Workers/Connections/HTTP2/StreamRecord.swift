import HTTP
import Platform
import PluginHost

/// The additional state of a request that is a stream of an HTTP/2 connection: its place in the connection, its input,
/// and its response before framing.
struct StreamRecord: ~Copyable {
  struct Flags: OptionSet {
    let rawValue: UInt16
    /// The head is complete.
    static let hasHead = Flags(rawValue: 1 << 0)
    /// A plugin has, or had, the request, or it was refused.
    static let begun = Flags(rawValue: 1 << 1)
    /// The client's END_STREAM has come.
    static let inputEnded = Flags(rawValue: 1 << 2)
    /// The session has the final head.
    static let headSubmitted = Flags(rawValue: 1 << 3)
    /// The session waits to be told about more body.
    static let deferred = Flags(rawValue: 1 << 4)
    /// The response is framed completely.
    static let framed = Flags(rawValue: 1 << 5)
    /// Closed on both sides: the session no longer knows the stream.
    static let closed = Flags(rawValue: 1 << 6)
    /// The plugin and the server send nothing more.
    static let finished = Flags(rawValue: 1 << 7)
    /// In the connection's list of streams to advance.
    static let ready = Flags(rawValue: 1 << 8)
    /// Bytes have left the queue: a sender that waits for room has to be told.
    static let moved = Flags(rawValue: 1 << 9)
    /// Counts against the number of streams that the client may have open.
    static let open = Flags(rawValue: 1 << 10)
    /// The response has been framed, no handler reads the rest of the body, and that rest is discarded.
    static let discarding = Flags(rawValue: 1 << 11)
  }

  /// 0 for a request of HTTP/1.
  var id: Int32 = 0
  var flags: Flags = []
  var reader: StreamHeadReader
  var trailers: StreamTrailerReader
  var input = BodyQueue()
  /// The bytes of the body received so far.
  var received: Int64 = 0
  /// Bytes of the body discarded after the response, beyond those that the open window allowed anyway.
  var drained = 0
  /// Why the head or the body is refused.
  var failure: Refusal?
  /// Sections and body bytes, before framing.
  var output = OutputQueue()
  /// How many bytes of `output` are counted for the connection.
  var countedOutput = 0
  /// How much memory of head and trailers is counted for the connection.
  var countedHead = 0
  /// How many bytes the plugin could not send because the connection was crowded; RESUME is due.
  var refusedBytes = 0
  /// The progress of the response. Over HTTP/1 used by a thread that owns the connection and sends the response.
  var progress = TransferProgress()
  /// The position of the stream's last byte in all bytes that the connection sends.
  var framedTo: UInt64 = 0
  /// How many of its framed bytes do not yet count as read by the client, and how many bytes of the connection the
  /// client had read at the last check; `.max` before the first.
  var onItsWay = 0
  var takenBefore = UInt64.max
  /// Monotonic nanoseconds; `.max` for none.
  var deadline = UInt64.max
  var next: Request?
  var previous: Request?
  var nextReady: Request?
  /// The next stream of the connection that waits for a thread; guarded by the pool's monitor.
  var nextWaiting: Request?

  init(limits: RequestLimits, underscores: HTTP.UnderscoreFields, storage: RequestStorage) {
    reader = unsafe StreamHeadReader(limits: limits, underscores: underscores, storage: storage.fields)
    trailers = StreamTrailerReader(limits: limits, underscores: underscores)
  }

  /// Prepares the record for the next stream. Both queues are empty.
  mutating func reset() {
    id = 0
    flags = []
    reader.reset()
    trailers.reset()
    received = 0
    drained = 0
    failure = nil
    refusedBytes = 0
    progress = TransferProgress()
    framedTo = 0
    onItsWay = 0
    takenBefore = .max
    deadline = .max
    next = nil
    previous = nil
    nextReady = nil
    nextWaiting = nil
  }
}

extension Request {
  /// The request is a stream of an HTTP/2 connection.
  var isStream: Bool { record.stream.id != 0 }

  /// A handler is running that may read the body, even after a complete response.
  var mayBeRead: Bool { record.exchange != nil && record.mode.isBlocking && !record.isRefused }
}

extension Request {
  /// The head, complete or partial, as a view of the record, which never moves.
  var head: RequestHead {
    unsafeAddress {
      let record = unsafe address
      return unsafe record.pointee.stream.id == 0
        ? unsafe withUnsafePointer(to: &record.pointee.parser.head) { unsafe $0 }
        : unsafe withUnsafePointer(to: &record.pointee.stream.reader.head) { unsafe $0 }
    }
  }
}
