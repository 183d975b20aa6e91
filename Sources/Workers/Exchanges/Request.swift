import HTTP
import Memory
import Platform
import PluginHost
import Synchronization

/// One request on a connection or a stream, from its first byte to the end of its response: reading state and response
/// framing.
///
/// Records are pooled, and freed when unused for a while; a connection between requests has none.
typealias Request = Pinned<RequestRecord>

extension Request {
  /// The address of its notes; records do not move.
  var notesAddress: UnsafeMutableRawPointer {
    let record = unsafe address
    return unsafe withUnsafeMutablePointer(to: &record.pointee.notes) { UnsafeMutableRawPointer($0) }
  }
}

@safe
struct RequestRecord: ~Copyable {
  var connection: Connection
  /// A number that no other existing record has.
  let slot: Int32
  var nextFree: Request?
  var parser: RequestHeadParser
  /// The decoder of the body. After a refusal the body is not read any further, and the connection serves no other
  /// request.
  var decoder: BodyDecoder
  var exchange: Exchange?
  var framer = ResponseFramer()
  /// The index of its plugin; -1 for none.
  var plugin = -1
  var bodyProgress = TransferProgress()
  /// Tags and leases of the exchange that are not settled.
  var unsettled = 0
  /// When the request's head was complete; 0 before.
  var began: UInt64 = 0
  /// Queued bytes that were dropped; separate from other counts, since a handler's thread may still be sending.
  var lostBytes: UInt64 = 0
  /// The response is complete or aborted, as far as the loop knows.
  var responseEnded = false
  var continueSent = false
  /// How its plugin's code runs; valid once it has a plugin.
  var mode = ExchangeMode.events
  /// A thread of the pool has it, or will get it.
  var isHandedOff = false
  /// A final head is in the connection's output, so that no 100 may follow.
  var headIsOut = false
  var bodyEnded = false
  var resumeDue = false
  var drainNoticed = false
  /// Body bytes are being waited for.
  var awaitsBody = false
  /// The client has got a response of the server itself, while a handler's thread still has the request.
  var isRefused = false
  /// The request has ended and has been counted.
  var isAccounted = false
  /// How it ends, as far as known.
  var outcome = RequestOutcome.complete
  /// Set while somebody sends or reads on a connection that the loop does not own: the handler's thread, or the
  /// function that ends the request in the handler's place, which leaves it set.
  let isSending = Atomic<Bool>(false)
  /// Its pipe has a spool; set by the handler's thread, while the loop may look.
  let hasSpool = Atomic<Bool>(false)
  /// The request had a handler, or was ended in the handler's place: `isSending`, `hasSpool` and the client's pace may
  /// be set.
  var hasMarks = false
  var keepAlive = KeepAlive.no
  /// The response to send when the handler has returned without one.
  var pendingRefusal: Refusal?
  /// Tags to report, oldest first.
  var sentTags = TagQueue()
  /// When it ended; written when it is counted.
  var ended: UInt64 = 0
  /// When it was submitted to the pool.
  var queuedAt: UInt64 = 0
  /// The index of its method in `PluginCells.methods`.
  var method = 0
  /// What the access log needs; unused without one.
  var logContext = LogContext()
  var responseFields = ResponseFields()
  /// The notes of plugins for the logs; unused if there are none.
  var notes = RequestNotes()
  let pipe: ResponsePipe
  /// Whether another thread has used the pipe for this request; a field of the request because it is read so often.
  let usesPipe = Atomic<Bool>(false)
  var storage: RequestStorage
  /// The additional state of an HTTP/2 stream.
  var stream: StreamRecord
}

/// A queue of numbers.
struct TagQueue {
  private var tags: [UInt64] = []
  private var head = 0

  mutating func append(_ tag: UInt64) { tags.append(tag) }

  mutating func pop() -> UInt64? {
    guard head < tags.count else { return nil }
    let tag = tags[head]
    head += 1
    if head == tags.count { forget() }
    return tag
  }

  @inline(__always)
  mutating func clear() {
    if !tags.isEmpty { forget() }
  }

  @inline(never)
  private mutating func forget() {
    tags.removeAll(keepingCapacity: tags.capacity <= TagQueue.kept)
    head = 0
  }

  /// The capacity that is kept between uses.
  private static let kept = 64
}

extension Request {
  /// Whether the connection may serve another request, as far as this request and its body are concerned. For the
  /// thread that reads the body.
  var mayKeepConnection: Bool { record.keepAlive != .no && record.decoder.refusal == nil }

  /// The same for a response whose head is about to be sent.
  ///
  /// - Parameter isWhole: whether the response is sent in one part, after which nobody reads the request's body.
  @inline(__always)
  func keepsConnection(behindWhole isWhole: Bool) -> Bool {
    (record.keepAlive == .yes || record.keepAlive == .whileRead && !isWhole) && record.decoder.refusal == nil
  }
}
