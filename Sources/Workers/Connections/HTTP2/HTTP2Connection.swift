import HTTP
import Memory
import Platform
import Synchronization

/// A connection that speaks HTTP/2: its session, and the streams that are its requests.
typealias HTTP2Connection = Pinned<HTTP2ConnectionRecord>

extension HTTP2Connection {
  /// - Parameter headLimit: the maximum memory of all heads and trailers of its streams.
  init(_ worker: Worker, _ connection: Connection, _ settings: HTTP2Settings, _ memory: SessionMemory, headLimit: Int) {
    let session = unsafe HTTP2Session(
      settings, delegate: StreamDelegate.table, connection: connection.raw, memory: memory)
    self.init(HTTP2ConnectionRecord(worker, connection, session: session, headLimit: headLimit))
  }

  var worker: Worker { record.worker }
  var connection: Connection { record.connection }

  /// The channel of one of its streams.
  @inline(__always)
  func channel(of request: Request) -> HTTP2Channel { HTTP2Channel(record.worker, request) }

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

  /// A stream has closed: the client may open another.
  func noteClosed(_ request: Request) {
    if request.record.stream.flags.remove(.open) != nil { record.open -= 1 }
  }

  /// Calls `body` with every stream; `body` may end that stream.
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

  /// The next stream to advance.
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
  enum Shutdown {
    case none
    /// The client has been told to open no more streams.
    case announced
    /// A PING has been sent, to learn whether the client has read the GOAWAY.
    case asked
    /// The PING has been acknowledged; streams that the client had begun by then may still come.
    case heard
    case refusing
  }

  let worker: Worker
  let connection: Connection
  let session: HTTP2Session
  /// Streams that have a record, including those whose handler has not returned.
  var firstStream: Request?
  var count = 0
  var firstReady: Request?
  var lastReady: Request?
  /// The connection has had a stream.
  var hasServed = false
  /// Since when there has been no stream.
  var idleSince: UInt64 = 0
  var shutdown = Shutdown.none
  /// The deadline of the current shutdown step, before streams are refused.
  var shutdownDeadline = UInt64.max
  /// The time of the next shutdown step, whatever else the connection waits for; `.max` if there is none.
  var nextShutdownStep: UInt64 { shutdown == .none || shutdown == .refusing ? .max : shutdownDeadline }
  /// The connection ends when queued output has been sent.
  var isEnding = false
  /// When the last DATA frame was made.
  var framedAt: UInt64 = 0
  /// A DATA frame did not fit into the connection's output.
  var isFull = false
  /// Streams that the client has open; a closed one whose handler has not returned does not count.
  var open = 0
  /// The streams that use the thread pool; guarded by the pool's monitor.
  var turn = StreamTurns()
  /// Unframed response bytes of its streams in memory of the worker.
  var held = 0
  /// The streams hold more than the bound for a connection, so that each is limited to its share. Read by any thread.
  let isCrowded = Atomic<Bool>(false)
  /// Memory of the heads and trailers of its streams, and its maximum.
  var heads = 0
  let headLimit: Int

  init(_ worker: Worker, _ connection: Connection, session: consuming HTTP2Session, headLimit: Int) {
    self.worker = worker
    self.connection = connection
    self.session = session
    self.headLimit = headLimit
  }
}
