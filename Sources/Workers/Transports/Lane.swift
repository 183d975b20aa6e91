import Glibc
import HTTP
import Platform
import PluginHost
import Synchronization

/// The bounded line between the loop and another thread that works on a request: answer bytes one way, body bytes the
/// other. Everything but the loop's own view of it is under `monitor`.
final class Lane: @unchecked Sendable {
  // All state is guarded by `monitor`, which is what makes it Sendable.
  let monitor = Monitor()
  /// Answer bytes that the loop has not taken over yet.
  var output = OutputQueue()
  /// Answer bytes that the loop has taken over and not sent.
  var loopCount = 0
  /// The loop has something of it, or of answers before it, in memory or in files.
  var loopHasOutput = false
  /// A head that waits for the first byte of its body.
  var held = OutputQueue()
  /// The answer is complete or given up.
  var ended = false
  /// Body bytes on their way to the handler.
  var body = BodyPipe()
  /// The reader has asked, so that a 100 (Continue) is due.
  var readerWaits = false
  /// handle() has returned.
  var handlerDone = false
  /// …and has answered.
  var handlerAnswered = false
  /// Files that the loop still sends for the waiting handler, and whether one failed.
  var pendingFiles = 0
  var fileFailed = false
  /// The exchange is over for the loop: nothing more is taken.
  var closed = false
  /// The sender waits for RESUME.
  var resumeDue = false
  /// As `StreamRecord.refusedBytes`, which follows it.
  var refusedBytes = 0
  /// Body bytes that the handler has read, and for which the stream's window has yet to open.
  var readBytes = 0
  /// Where the answer goes that the client does not take; nil as long as it takes it. Its handler's own.
  var spool: Spool?
  /// There can be one.
  var maySpool = true
  /// Leases and tags in `output`.
  var unsettled = 0
  /// In the worker's mailbox; guarded by the mailbox.
  var isPosted = false
  /// The loop has taken it out, and has yet to look at it; the loop's own.
  var isTaken = false

  /// With the lock held: what one client did not take is never the next one's.
  func dropOutput() {
    WorkerThread.withCurrent { thread in
      output.discard(&thread.record.pool)
      held.discard(&thread.record.pool)
    }
    settleOutput()
    unsettled = 0
  }

  /// With the lock held: what has left `output`, sent or dropped, is done with.
  func settleOutput() {
    var segments = output.takeDone()
    while let segment = segments.pop() {
      if segment.record.owner == Spool.owner {
        if let release = unsafe segment.record.release { unsafe release(segment.record.context) }
      } else if segment.isFile && pendingFiles > 0 {
        pendingFiles -= 1
      }
      segment.deallocate()
    }
  }

  /// [loop] For the next request.
  ///
  /// - Parameters:
  ///   - queued: bytes of earlier answers that the loop has in memory.
  ///   - hasOutput: it has some of these, or of their files.
  func reset(after queued: Int = 0, hasOutput: Bool = false) {
    monitor.lock()
    dropOutput()
    loopCount = queued
    loopHasOutput = hasOutput
    ended = false
    readerWaits = false
    handlerDone = false
    handlerAnswered = false
    pendingFiles = 0
    fileFailed = false
    closed = false
    resumeDue = false
    refusedBytes = 0
    readBytes = 0
    unsettled = 0
    spool = nil
    maySpool = true
    body.reset()
    monitor.unlock()
  }

  /// [loop] Nothing more is taken, what was not sent is dropped, and whoever is blocked looks again.
  func close() {
    monitor.lock()
    closeLocked()
    monitor.unlock()
  }

  /// The same with the lock held.
  func closeLocked() {
    closed = true
    dropOutput()
    monitor.broadcast()
  }

  /// [loop] A file that the handler waits for has been sent.
  func fileDone() {
    monitor.lock()
    if pendingFiles > 0 { pendingFiles -= 1 }
    monitor.broadcast()
    monitor.unlock()
  }

  /// [request-thread] Body bytes that the loop gathered before it lent the connection.
  func takeGathered(_ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    monitor.lock()
    defer { monitor.unlock() }
    return unsafe body.take(buffer, capacity)
  }

  /// Wakes whoever is blocked, to look again.
  func wakeHandler() {
    monitor.lock()
    monitor.broadcast()
    monitor.unlock()
  }
}

/// Body bytes that wait for a blocking reader: a ring of fixed size, made when first needed.
@safe
struct BodyPipe {
  static let capacity = 65_536

  private var memory: UnsafeMutablePointer<UInt8>?
  private var start = 0
  private(set) var count = 0
  /// No more will come.
  var ended = false
  /// Why it ended before its end, if so.
  var failure: Outcome?

  init() { unsafe memory = nil }

  var room: Int { BodyPipe.capacity - count }
  /// The next `put` makes the ring.
  var isUnmade: Bool { unsafe memory == nil }

  mutating func reset() {
    start = 0
    count = 0
    ended = false
    failure = nil
  }

  /// Nobody reads from it any more.
  mutating func free() {
    guard let ring = unsafe memory else { return }
    unsafe HostileMemory.free(UnsafeMutableRawPointer(ring), count: BodyPipe.capacity)
    unsafe memory = nil
    count = 0
  }

  /// Takes in `bytes`, for which there must be room.
  mutating func put(_ bytes: Bytes) {
    precondition(bytes.count <= room)
    guard let source = unsafe bytes.base else { return }
    if unsafe memory == nil { unsafe memory = .allocate(capacity: BodyPipe.capacity) }
    let ring = unsafe memory.unsafelyUnwrapped
    let position = (start + count) % BodyPipe.capacity
    let first = min(bytes.count, BodyPipe.capacity - position)
    unsafe (ring + position).update(from: source, count: first)
    unsafe ring.update(from: source + first, count: bytes.count - first)
    count += bytes.count
  }

  /// Gives out up to `capacity` bytes.
  mutating func take(_ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    guard let ring = unsafe memory else { return 0 }
    let length = min(capacity, count)
    let first = min(length, BodyPipe.capacity - start)
    unsafe memcpy(buffer, ring + start, first)
    unsafe memcpy(buffer + first, ring, length - first)
    start = (start + length) % BodyPipe.capacity
    count -= length
    return length
  }
}
