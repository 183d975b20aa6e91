import HTTP
import Platform
import PluginHost

/// What a request has besides, when it is a stream of an HTTP/2 connection: its place there, its input, its answer before
/// framing.
struct StreamRecord: ~Copyable {
  struct Flags: OptionSet {
    let rawValue: UInt16
    /// The head is complete.
    static let hasHead = Flags(rawValue: 1 << 0)
    /// A plugin has, or had, the request; or it was refused.
    static let begun = Flags(rawValue: 1 << 1)
    /// The client's END_STREAM has come.
    static let inputEnded = Flags(rawValue: 1 << 2)
    /// The session has the final head.
    static let headSubmitted = Flags(rawValue: 1 << 3)
    /// The session waits to be told of more body.
    static let deferred = Flags(rawValue: 1 << 4)
    /// The answer is framed whole.
    static let answered = Flags(rawValue: 1 << 5)
    /// Over for both sides: the session knows it no longer.
    static let closed = Flags(rawValue: 1 << 6)
    /// Nothing more comes from the plugin or the server.
    static let finished = Flags(rawValue: 1 << 7)
    /// In the connection's list of streams to look at.
    static let ready = Flags(rawValue: 1 << 8)
    /// Bytes have left the queue: whoever waits for room is to be told.
    static let moved = Flags(rawValue: 1 << 9)
    /// It counts among those that the client may have open at once.
    static let open = Flags(rawValue: 1 << 10)
  }

  /// 0 for a request of HTTP/1.
  var id: Int32 = 0
  var flags: Flags = []
  var reader: StreamHeadReader
  var trailers: StreamTrailerReader
  var input = BodyQueue()
  /// All bytes of the body so far.
  var received: Int64 = 0
  /// What is wrong with head or body.
  var failure: Refusal?
  /// Sections and body bytes, not framed.
  var output = OutputQueue()
  /// How much of it has been counted for the connection.
  var countedOutput = 0
  /// Likewise of the memory of head and trailers.
  var countedHead = 0
  /// How many bytes the plugin had no room for while the connection was crowded, with RESUME due.
  var refusedBytes = 0
  /// How its answer goes; over HTTP/1, where a thread that owns the connection sends it.
  var progress = TransferProgress()
  /// Where its last bytes end among all that the connection sends.
  var framedTo: UInt64 = 0
  /// How many of its bytes that are framed have not counted as taken, and what of all the client had taken when that was
  /// last looked at; `.max` if never.
  var onItsWay = 0
  var takenBefore = UInt64.max
  /// Monotonic nanoseconds; `.max` for none.
  var deadline = UInt64.max
  var next: Request?
  var previous: Request?
  var nextReady: Request?
  /// Behind it among the connection's streams that wait for a thread; under the pool's monitor.
  var nextWaiting: Request?

  init(limits: RequestLimits, underscores: HTTP.UnderscoreFields, storage: RequestStorage) {
    reader = unsafe StreamHeadReader(limits: limits, underscores: underscores, storage: storage.fields)
    trailers = StreamTrailerReader(limits: limits, underscores: underscores)
  }

  /// For the next stream; both queues are empty by then.
  mutating func reset() {
    id = 0
    flags = []
    reader.reset()
    trailers.reset()
    received = 0
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
  /// It is a stream of an HTTP/2 connection.
  var isStream: Bool { record.stream.id != 0 }

  /// Nothing that is sent reaches the client any more.
  var isBroken: Bool {
    if record.connection.record.flags.contains(.broken) { return true }
    let flags = record.stream.flags
    return flags.contains(.closed) && !flags.contains(.answered)
  }

  /// Answer bytes that wait on the loop.
  var queuedCount: Int { isStream ? record.stream.output.count : record.connection.record.output.count }

  /// Whether anything of them, or of files, does.
  var hasQueuedOutput: Bool { isStream ? !record.stream.output.isEmpty : !record.connection.record.output.isEmpty }
}

extension Request {
  /// The head, complete or as far as it has come: shown where it stands, in a record that never moves.
  var head: RequestHead {
    unsafeAddress {
      let record = unsafe address
      return unsafe record.pointee.stream.id == 0
        ? unsafe withUnsafePointer(to: &record.pointee.parser.head) { unsafe $0 }
        : unsafe withUnsafePointer(to: &record.pointee.stream.reader.head) { unsafe $0 }
    }
  }
}
