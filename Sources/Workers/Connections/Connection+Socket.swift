import Glibc
import HTTP
import Platform
import TLS

// The socket I/O of a connection, in the clear or through TLS if its record has a session. Called by the owner of the
// connection: the loop, or the thread that the connection is handed off to.

extension Connection {
  /// Sends as much of the queued output as the socket takes.
  @inline(always)
  func flushOutput(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    if record.tls != nil { return flushSecurely(&pool) }
    if !record.flags.isDisjoint(with: [.ends, .severed]) { return flushLast(&pool) }
    return record.output.flush(to: record.fd, &pool)
  }

  /// Sends FIN with the last bytes: a packet of its own costs as much as a whole short response.
  @inline(never)
  private func flushLast(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    if record.flags.contains(.severed) { return flushNowhere(&pool) }
    let result = record.output.flush(to: record.fd, isLast: true, &pool)
    if case .empty = result { endOutput() }
    return result
  }

  /// Ends our side. The bytes sent so far still arrive, whatever the client sends meanwhile.
  func endOutput() {
    guard !record.flags.contains(.ended) else { return }
    ConnectedSocket.shutdownWriting(record.fd)
    record.flags.insert(.ended)
  }

  @inline(never)
  private func flushSecurely(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    if record.flags.contains(.severed) { return flushNowhere(&pool) }
    var waitsForInput = false
    let result = record.output.flush(through: &record.tls!, &pool, &waitsForInput)
    if waitsForInput { record.flags.insert(.writesWhenReadable) }
    return result
  }

  /// Drops the output of a connection on which nothing may be sent any more.
  private func flushNowhere(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    discardOutput(&pool)
    return .empty
  }

  /// Drops the queued output: nothing is sent any more.
  func discardOutput(_ pool: inout BufferPool) {
    let unsent = record.output.total
    if unsent > 0 {
      record.flags.insert(.severed)
      record.request?.record.lostBytes &+= unsent
      // If the body ends with the connection, only a reset tells the client that the body is incomplete.
      if record.flags.contains(.endsBody) || record.request?.record.framer.endsByClose == true {
        record.flags.insert(.resets)
      }
    }
    record.output.discard(&pool)
    // A TLS record may have been sent in part, and its rest has been dropped: nothing else can follow.
    if record.tls?.isWithinRecord == true { record.flags.insert(.broken) }
  }

  /// Drops the memory that the response at the end of the queue lends, and everything behind it. That response ends
  /// here; earlier ones are still sent.
  func discardLent(_ pool: inout BufferPool) {
    let dropped = record.output.discardLent(&pool)
    record.request?.record.lostBytes &+= dropped
    // A TLS record may have been sent in part, and its rest has been dropped: nothing else can follow.
    if dropped > 0 && record.tls?.isWithinRecord == true { record.flags.insert(.broken) }
  }

  /// Sends a few bytes ahead of the queue, which holds at most a head that waits for its body.
  func sendAtOnce(_ bytes: Bytes) {
    guard let base = unsafe bytes.base else { return }
    if record.tls == nil {
      // The socket's buffer was empty: bytes that it does not accept now it will never accept.
      if unsafe ConnectedSocket.send(record.fd, base, bytes.count) != bytes.count { record.flags.insert(.broken) }
    } else if case .done? = unsafe record.tls?.write(base, bytes.count) {
    } else {
      // A TLS record may have been sent in part: nothing else can follow.
      record.flags.insert(.broken)
    }
  }

  /// The subject of the client certificate, if one was requested and verified.
  var tlsSubject: Bytes {
    guard let subject = unsafe record.tls?.subject, let base = subject.baseAddress else { return .empty }
    return unsafe Bytes(base: base, count: subject.count)
  }

  enum Input {
    case bytes
    /// Nothing more now.
    case none
    case endOfFile
  }

  /// Reads once into `buffer`, which has room.
  @inline(__always)
  func receive(into buffer: Buffer) -> Input {
    guard record.flags.contains(.readable) else { return .none }
    if record.tls != nil { return receiveSecurely(into: buffer) }
    let capacity = buffer.freeCount
    let count = unsafe ConnectedSocket.receive(record.fd, buffer.free, capacity)
    if count > 0 {
      buffer.record.end += count
      record.received &+= UInt64(count)
      // A short read: the socket is empty, and the next byte causes an edge. A close that came before has had its edge.
      if count < capacity && !record.flags.contains(.peerClosed) {
        record.flags.remove(.readable)
      }
      return .bytes
    }
    if count == 0 {
      record.flags.insert(.peerClosed)
      record.flags.remove(.readable)
      return .endOfFile
    }
    record.flags.remove(.readable)
    if errno != EAGAIN { record.flags.insert(.broken) }
    return .none
  }

  /// Reads once through TLS into `buffer`, which has room. `.none` with `.readable` still set: other connections get
  /// their turn first.
  func receiveSecurely(into buffer: Buffer) -> Input {
    let capacity = buffer.freeCount
    switch unsafe record.tls!.read(buffer.free, capacity) {
    case .done(let count):
      buffer.record.end += count
      record.received &+= UInt64(count)
      // Bytes that TLS buffers cause no edge, and a close that came before has had its edge.
      if record.tls?.isDrained == true && !record.flags.contains(.peerClosed) { record.flags.remove(.readable) }
      return .bytes
    case .wantRead:
      record.flags.remove(.readable)
      return .none
    case .wantWrite:
      awaitWritableToRead()
      return .none
    case .cut: return .none
    case .closed:
      record.flags.insert(.peerClosed)
      record.flags.remove(.readable)
      return .endOfFile
    case .failed(let failure):
      if failure.isFlood { record.flags.insert(.resets) }
      record.flags.remove(.readable)
      record.flags.insert(.broken)
      return .none
    }
  }

  /// TLS has to send something before it can read on.
  func awaitWritableToRead() {
    record.flags.subtract([.readable, .writable])
    record.flags.insert(.readsWhenWritable)
  }

  /// The socket is ready in the direction that TLS waits for.
  func crossOver(_ ready: Epoll.Interest) {
    if ready.contains(.writable), record.flags.contains(.readsWhenWritable) {
      record.flags.remove(.readsWhenWritable)
      record.flags.insert(.readable)
    }
    if ready.contains(.readable), record.flags.contains(.writesWhenReadable) {
      record.flags.remove(.writesWhenReadable)
      record.flags.insert(.writable)
    }
  }

  /// Waits until the socket is ready for the next read or write, or requests are cut; false when `deadline` has passed.
  /// For the thread that the connection is handed off to.
  ///
  /// - Parameter cutWake: a descriptor that becomes readable when requests are cut; see `Draining`.
  func wait(toWrite: Bool, deadline: UInt64, _ cutWake: CInt) -> Bool {
    let crossed: ConnectionRecord.Flags = toWrite ? .writesWhenReadable : .readsWhenWritable
    let isCrossed = record.flags.contains(crossed)
    record.flags.remove(crossed)
    // It stays readable from then on. A thread whose request was not among those that were cut ignores it.
    let wake = record.flags.contains(.hasSeenCutWake) ? -1 : cutWake
    let end = ConnectedSocket.wait(record.fd, writing: toWrite != isCrossed, deadline: deadline, interruptedBy: wake)
    if case .interrupted = end { record.flags.insert(.hasSeenCutWake) }
    return end != .timedOut
  }

  /// Ends our side of TLS; later bytes are sent in the clear.
  ///
  /// - Returns: false if the socket accepts no more now.
  func endSecurity() -> Bool {
    switch record.tls?.shutdown() {
    case .wantWrite?, .wantRead?, .cut?: return false
    default:
      record.tls = nil
      return true
    }
  }
}
