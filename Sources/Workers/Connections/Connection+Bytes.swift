import Glibc
import HTTP
import Platform
import TLS

// Where the bytes of a connection cross its socket: as they are, or through TLS if its record has a session. Whoever owns
// the connection calls: the loop, or the thread that it is lent to.

extension Connection {
  /// Sends as much of the queued output as the socket takes.
  @inline(__always)
  func flushOutput(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    if record.tls != nil { return flushSecurely(&pool) }
    if !record.flags.isDisjoint(with: [.ends, .severed]) { return flushLast(&pool) }
    return record.output.flush(to: record.fd, &pool)
  }

  /// The end of our side goes out with the last bytes: a packet of its own costs as much as all of a short answer.
  @inline(never)
  private func flushLast(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    if record.flags.contains(.severed) { return flushNowhere(&pool) }
    let result = record.output.flush(to: record.fd, isLast: true, &pool)
    if case .empty = result { endOutput() }
    return result
  }

  /// Our side sends nothing more; what it has sent arrives, whatever the client still sends.
  func endOutput() {
    guard !record.flags.contains(.ended) else { return }
    Connections.shutdownWriting(record.fd)
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

  /// What is queued on a connection that nothing may be sent on any more.
  private func flushNowhere(_ pool: inout BufferPool) -> OutputQueue.FlushResult {
    discardOutput(&pool)
    return .empty
  }

  /// Gives up what is queued: nothing is sent any more.
  func discardOutput(_ pool: inout BufferPool) {
    let unsent = record.output.total
    if unsent > 0 {
      record.flags.insert(.severed)
      record.request?.record.lostBytes &+= unsent
      // Where the end of the connection is the end of the body, only a reset says that it is not.
      if record.flags.contains(.endsBody) || record.request?.record.answer.endsByClose == true {
        record.flags.insert(.resets)
      }
    }
    record.output.discard(&pool)
    // Half of a record may be out, whose other half is gone: nothing else can come next.
    if record.tls?.isWithinRecord == true { record.flags.insert(.broken) }
  }

  /// Gives up what the answer at the end of the queue lends, and all behind that: the answer goes no further, those before
  /// it do.
  func discardLent(_ pool: inout BufferPool) {
    let dropped = record.output.discardLent(&pool)
    record.request?.record.lostBytes &+= dropped
    // Half of a record may be out, whose other half is gone: nothing else can come next.
    if dropped > 0 && record.tls?.isWithinRecord == true { record.flags.insert(.broken) }
  }

  /// Sends a few bytes past the queue, of which nothing is on its way: there is at most a head that waits for its body.
  func sendAtOnce(_ bytes: Bytes) {
    guard let base = unsafe bytes.base else { return }
    if record.tls == nil {
      // The socket was empty: what it does not take now it never will.
      if unsafe Connections.send(record.fd, base, bytes.count) != bytes.count { record.flags.insert(.broken) }
    } else if case .done? = unsafe record.tls?.write(base, bytes.count) {
    } else {
      // Half of a record may be out, and nothing else can come next.
      record.flags.insert(.broken)
    }
  }

  /// The subject of the certificate that the client showed, if it had to be, or could be, verified.
  var tlsSubject: Bytes {
    guard let subject = unsafe record.tls?.subject, let base = subject.baseAddress else { return .empty }
    return unsafe Bytes(base: base, count: subject.count)
  }

  /// Reads once through TLS into `buffer`, which has room. `.none` with `.readable` still set: it is the others' turn.
  func receiveSecurely(into buffer: Buffer) -> Worker.Input {
    let capacity = buffer.freeCount
    switch unsafe record.tls!.read(buffer.free, capacity) {
    case .done(let count):
      buffer.record.end += count
      record.received &+= UInt64(count)
      // What TLS holds back has no edge to tell of it; and a close that came before has had its edge.
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

  /// TLS has something to send before it can read on.
  func awaitWritableToRead() {
    record.flags.subtract([.readable, .writable])
    record.flags.insert(.readsWhenWritable)
  }

  /// The socket is ready for what TLS waits for in the other direction.
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

  /// Waits until the socket is ready for the next read or write, or requests are cut; false when `deadline` has passed. For
  /// the thread that the connection is lent to.
  func wait(toWrite: Bool, deadline: UInt64) -> Bool {
    let crossed: ConnectionRecord.Flags = toWrite ? .writesWhenReadable : .readsWhenWritable
    let isCrossed = record.flags.contains(crossed)
    record.flags.remove(crossed)
    return Connections.wait(
      record.fd, writing: toWrite != isCrossed, deadline: deadline, bell: Worker.current.record.cutBell.raw)
  }

  /// Ends our side of TLS; the rest of the connection is plain.
  ///
  /// - Returns: false if the socket takes no more now.
  func endSecurity() -> Bool {
    switch record.tls?.shutdown() {
    case .wantWrite?, .wantRead?, .cut?: return false
    default:
      record.tls = nil
      return true
    }
  }
}
