import Glibc
import HTTP
import Memory
import Platform
import PluginHost
import Synchronization

/// The bounded two-way queue between the loop and another thread that works on a request: response bytes one way, body
/// bytes the other. All state is under `monitor`, except fields that belong to the loop.
final class ResponsePipe: @unchecked Sendable {
  // All state is guarded by `monitor`, which is what makes it Sendable.
  let monitor = Monitor()
  /// Response bytes that the loop has not taken over yet.
  var output = OutputQueue()
  /// Response bytes that the loop has taken over and not yet sent.
  var loopCount = 0
  /// The loop has output of this or earlier responses, in memory or in files.
  var loopHasOutput = false
  /// A head that waits for the first byte of its body.
  var held = OutputQueue()
  /// The response is complete or aborted.
  var ended = false
  /// Body bytes on their way to the handler.
  var body = BodyPipe()
  /// The reader waits for the body, so that a 100 (Continue) is due.
  var readerWaits = false
  /// handle() has returned.
  var handlerDone = false
  /// handle() has succeeded.
  var handlerSucceeded = false
  /// The number of files that the loop still sends while the handler waits, and whether one failed.
  var pendingFiles = 0
  var fileFailed = false
  /// The exchange has ended for the loop: nothing more is accepted.
  var closed = false
  /// The sender waits for RESUME.
  var resumeDue = false
  /// The same as `StreamRecord.refusedBytes`, to which it is copied.
  var refusedBytes = 0
  /// Body bytes that the handler has read since the stream's window was last opened.
  var readBytes = 0
  /// The handler has read some of the body.
  var isRead = false
  /// The file for output that the client does not read; nil if there is none. Belongs to the handler.
  var spool: Spool?
  /// A spool may be made.
  var maySpool = true
  /// The number of leases and tags in `output`.
  var unsettled = 0
  /// The request is in the worker's mailbox; guarded by the mailbox.
  var isPosted = false
  /// The loop has taken the request out of the mailbox and not yet handled it. Belongs to the loop.
  var isTaken = false

  /// With the lock held: drops output, so that bytes for one client never reach the next.
  func dropOutput() {
    WorkerThread.withCurrent { thread in
      output.discard(&thread.record.pool)
      held.discard(&thread.record.pool)
    }
    releaseDone()
    unsettled = 0
  }

  /// With the lock held: settles the segments that have left `output`, sent or dropped.
  func releaseDone() {
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

  /// [loop] Prepares the pipe for the next request.
  ///
  /// - Parameters:
  ///   - queued: bytes of earlier responses that the loop has in memory.
  ///   - hasOutput: whether it has any such bytes, or files of earlier responses.
  func reset(after queued: Int = 0, hasOutput: Bool = false) {
    monitor.lock()
    dropOutput()
    loopCount = queued
    loopHasOutput = hasOutput
    ended = false
    readerWaits = false
    handlerDone = false
    handlerSucceeded = false
    pendingFiles = 0
    fileFailed = false
    closed = false
    resumeDue = false
    refusedBytes = 0
    readBytes = 0
    isRead = false
    unsettled = 0
    spool = nil
    maySpool = true
    body.reset()
    monitor.unlock()
  }

  /// [loop] Closes the pipe: nothing more is accepted, unsent output is dropped, and blocked threads are woken.
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

  /// [loop] Notes that a file has been sent which the handler waits for.
  func fileDone() {
    monitor.lock()
    if pendingFiles > 0 { pendingFiles -= 1 }
    monitor.broadcast()
    monitor.unlock()
  }

  /// [request-thread] Takes body bytes that the loop gathered before the handoff.
  func takeGathered(_ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> Int {
    monitor.lock()
    defer { monitor.unlock() }
    return unsafe body.take(buffer, capacity)
  }

  /// Wakes blocked threads, which check their conditions again.
  func wakeHandler() {
    monitor.lock()
    monitor.broadcast()
    monitor.unlock()
  }
}

/// Body bytes for a blocking reader: a ring buffer of fixed size, made when first needed.
@safe
struct BodyPipe {
  static let capacity = 65_536

  private var memory: UnsafeMutablePointer<UInt8>?
  private var start = 0
  private(set) var count = 0
  /// No more will come.
  var ended = false
  /// Why the body ended early, if it did.
  var failure: CallStatus?

  init() { unsafe memory = nil }

  var room: Int { BodyPipe.capacity - count }
  /// The ring buffer does not exist yet; the next `put` makes it.
  var isUnmade: Bool { unsafe memory == nil }

  mutating func reset() {
    start = 0
    count = 0
    ended = false
    failure = nil
  }

  /// Frees the ring buffer. Nobody reads from it any more.
  mutating func free() {
    guard let ring = unsafe memory else { return }
    unsafe HostileMemory.free(UnsafeMutableRawPointer(ring), count: BodyPipe.capacity)
    unsafe memory = nil
    count = 0
  }

  /// Appends `bytes`, for which there must be room.
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

  /// Removes up to `capacity` bytes.
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
