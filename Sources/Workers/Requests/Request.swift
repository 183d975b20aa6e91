import HTTP
import Platform
import PluginHost
import Synchronization

/// One request on a connection, or on a stream of it, from its first byte to the end of its answer: reading state, and the answer's framing.
///
/// Records are pooled, and freed when they have not been needed for a while; a connection between requests has none.
@safe
struct Request {
  let address: UnsafeMutablePointer<RequestRecord>

  var record: RequestRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  init(address: UnsafeMutablePointer<RequestRecord>) { unsafe self.address = address }

  init(raw: UnsafeMutableRawPointer) {
    unsafe address = raw.assumingMemoryBound(to: RequestRecord.self)
  }

  var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(address) }
}

@safe
struct RequestRecord: ~Copyable {
  var connection: Connection
  /// A number that no other record has as long as this one lives.
  let slot: Int32
  var nextFree: Request?
  var parser: RequestHeadParser
  /// Of the body. Once it refuses, nothing of the body is read any more, and the connection serves no other request.
  var decoder: BodyDecoder
  var exchange: Exchange?
  var answer = AnswerFraming()
  /// The number of the plugin that has it; -1 for none.
  var plugin = -1
  var bodyProgress = TransferProgress()
  /// Bytes of the body that were read away after the answer.
  var drained = 0
  /// Tags and leases of the exchange that are not settled.
  var unsettled = 0
  /// When the request's head was complete; 0 before.
  var began: UInt64 = 0
  /// Bytes that were queued and given up: its own count, since a handler's thread may be at the answer still.
  var lostBytes: UInt64 = 0
  /// The answer is complete, or given up, as the loop knows.
  var answered = false
  var continueSent = false
  /// A thread of the pool has it, or will.
  var isHandedOver = false
  /// A final head has joined the connection's output, so that no 100 may follow.
  var headIsOut = false
  var bodyEnded = false
  var resumeDue = false
  var drainNoticed = false
  /// Somebody waits for body bytes that have not come.
  var awaitsBody = false
  /// The client has the server's answer, and a handler's thread has the request still.
  var isRefused = false
  /// It has ended, and been counted.
  var isAccounted = false
  /// How it ends, as far as that is known.
  var outcome = RequestOutcome.complete
  /// Somebody sends for it, or reads, on a connection that is not the loop's: its handler's thread, or who ends the request
  /// in its place, and keeps this.
  let isSending = Atomic<Bool>(false)
  /// Its lane has a spool: written by the handler's thread.
  var hasSpool = false
  /// The connection may be kept, as far as the request and the model go.
  var keepAlive = false
  /// What the client is told when the handler has returned, if it has not answered.
  var pendingRefusal: Refusal?
  /// Tags to report, oldest first.
  var sentTags = TagQueue()
  /// When it had ended: written by whoever counts it.
  var ended: UInt64 = 0
  /// When it was given to the pool.
  var queuedAt: UInt64 = 0
  /// Its method's among `PluginCells.methods`.
  var method = 0
  /// What the access log wants; untouched without one.
  var logged = LoggedCircumstances()
  var responseFields = ResponseFields()
  let lane: Lane
  /// Whether another thread has ever used the lane for this request: asked so often that it stands here.
  let usesLane = Atomic<Bool>(false)
  var storage: RequestStorage
  /// What it is besides when it is a stream of HTTP/2.
  var stream: StreamRecord
}

/// Numbers in order of arrival.
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

  /// Room for so many tags is kept from use to use.
  private static let kept = 64
}

extension Request {
  /// The client has been sent all of the response, though its handler may be at work still.
  var isWhole: Bool {
    guard let exchange = record.exchange else { return false }
    return exchange.record.response.isComplete && !record.answer.isAborted && !hasQueuedOutput
      && record.lane.output.isEmpty
  }

  /// Whether the connection may serve another request, as far as this one and its body go. For whoever reads the body.
  var mayKeepConnection: Bool { record.keepAlive && record.decoder.refusal == nil }
}
