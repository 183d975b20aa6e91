import HTTP
import Platform
import Synchronization

/// What a connection has besides, when it speaks HTTP/2.
@safe
struct HTTP2Connection {
  let address: UnsafeMutablePointer<HTTP2ConnectionRecord>

  var record: HTTP2ConnectionRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// - Parameter headLimit: the most memory that heads and trailers of its streams take together.
  init(_ connection: Connection, _ settings: HTTP2Settings, headLimit: Int) {
    unsafe address = .allocate(capacity: 1)
    let session = unsafe HTTP2Session(
      settings, driver: StreamDriver.table, connection: UnsafeMutableRawPointer(connection.address))
    unsafe address.initialize(to: HTTP2ConnectionRecord(session: session, headLimit: headLimit))
  }

  func destroy() {
    unsafe address.deinitialize(count: 1)
    unsafe address.deallocate()
  }

  // MARK: Streams

  func link(_ request: Request) {
    request.record.stream.next = record.firstStream
    record.firstStream?.record.stream.previous = request
    record.firstStream = request
    record.count += 1
    record.open += 1
    record.hasServed = true
    request.record.stream.flags.insert(.open)
  }

  func unlink(_ request: Request) {
    let (next, previous) = (request.record.stream.next, request.record.stream.previous)
    if let previous { previous.record.stream.next = next } else { record.firstStream = next }
    next?.record.stream.previous = previous
    record.count -= 1
    if request.record.stream.flags.contains(.ready) { unqueue(request) }
    uncountHead(of: request)
    noteClosed(request)
  }

  /// The client may open another in its place.
  func noteClosed(_ request: Request) {
    if request.record.stream.flags.remove(.open) != nil { record.open -= 1 }
  }

  /// Every stream; the body may end the one it is given.
  func visit(_ body: (Request) -> Void) {
    var next = record.firstStream
    while let request = next {
      next = request.record.stream.next
      body(request)
    }
  }

  func queue(_ request: Request) {
    guard !request.record.stream.flags.contains(.ready) else { return }
    request.record.stream.flags.insert(.ready)
    request.record.stream.nextReady = nil
    if let last = record.lastReady { last.record.stream.nextReady = request } else { record.firstReady = request }
    record.lastReady = request
  }

  /// The next stream to look at.
  func popReady() -> Request? {
    guard let request = record.firstReady else { return nil }
    record.firstReady = request.record.stream.nextReady
    if record.firstReady == nil { record.lastReady = nil }
    request.record.stream.nextReady = nil
    request.record.stream.flags.remove(.ready)
    return request
  }

  private func unqueue(_ request: Request) {
    var previous: Request?
    var next = record.firstReady
    while let candidate = next {
      next = candidate.record.stream.nextReady
      if candidate.record.slot == request.record.slot {
        if let previous { previous.record.stream.nextReady = next } else { record.firstReady = next }
        if next == nil { record.lastReady = previous }
        return
      }
      previous = candidate
    }
  }
}

struct HTTP2ConnectionRecord: ~Copyable {
  enum Shutdown { case none, announced, refusing }

  let session: HTTP2Session
  /// Streams that have a record, those too whose handler has yet to return.
  var firstStream: Request?
  var count = 0
  var firstReady: Request?
  var lastReady: Request?
  /// There has been a stream.
  var hasServed = false
  /// Since when there is no stream, if there is none.
  var idleSince: UInt64 = 0
  var shutdown = Shutdown.none
  /// When a shutdown that nobody acknowledges counts as heard.
  var shutdownDeadline = UInt64.max
  /// When the shutdown goes on, whatever else the connection waits for; `.max` if it does not.
  var nextShutdownStep: UInt64 { shutdown == .announced ? shutdownDeadline : .max }
  /// The connection ends when what is queued has gone.
  var isEnding = false
  /// A DATA frame found no room in the connection's output.
  var isFull = false
  /// Streams that the client has open, as against those whose handler has yet to return.
  var open = 0
  /// Its streams at the thread pool, whose monitor guards this.
  var turn = StreamTurns()
  /// Answer bytes in memory of the worker that its streams hold, not framed.
  var held = 0
  /// They hold more together than one connection may, so that each has to do with little; read by any thread.
  let isCrowded = Atomic<Bool>(false)
  /// Memory of heads and trailers that its streams hold, and the most that they may.
  var heads = 0
  let headLimit: Int

  init(session: consuming HTTP2Session, headLimit: Int) {
    self.session = session
    self.headLimit = headLimit
  }
}
