import HTTP
import Platform
import PluginHost

// Whether a connection can be kept although the rest of a request's body may remain unread. This must be known when the
// response's head is written: the head of a connection that will close says so (RFC 9112 section 9.6). Without that the
// client would send its next request to a closed connection.

extension HTTP1Channel {
  /// Whether the rest of the body can be discarded within `limits.drain`, as far as known. For the thread that reads
  /// the body.
  ///
  /// For a chunked body this is known only when all of it has come: the bytes received so far are examined.
  @inline(never)
  func canReachEnd() -> Bool {
    // A client that waits for 100 (Continue) may send its body, or the next request, when it sees the response begin.
    // The server can't tell which.
    if request.head.traits.contains(.expectsContinue) && !request.record.continueSent { return false }
    if let rest = request.record.decoder.remainingLength { return rest <= Int64(worker.record.settings.drainLimit) }
    var ahead = BodyAhead(decoder: request.record.decoder, limit: worker.record.settings.drainLimit)
    for _ in 0..<Self.readsAhead {
      if ahead.reachesEnd(in: connection.source) { return true }
      guard !ahead.isLarge, readAhead() else { return false }
    }
    return false
  }

  /// The number of reads to look ahead. Other connections wait meanwhile.
  private static let readsAhead = 16

  /// Reads received bytes of the body without decoding them; false if there are none, or no room. Only called before
  /// anything has a view of the body's bytes.
  private func readAhead() -> Bool {
    guard let body = connection.record.body ?? bodyBehindHead(), body.freeCount > 0 else { return false }
    // Bytes that came since the last read still have an edge to come.
    connection.record.flags.insert(.readable)
    switch connection.receive(into: body) {
    case .bytes: return true
    case .none: return false
    case .endOfFile:
      // The reader of the body has to see the end, too.
      connection.record.flags.insert(.readable)
      return false
    }
  }

  /// Copies the body bytes that came with the head into a buffer of the body's own; nil if more would not fit.
  private func bodyBehindHead() -> Buffer? {
    guard let input = connection.record.input, input.unreadCount < BufferPool.largeCapacity else { return nil }
    let body = worker.record.thread.record.pool.take(BufferPool.largeCapacity)
    unsafe body.free.update(from: input.unread, count: input.unreadCount)
    body.record.end = input.unreadCount
    input.record.start = input.record.end
    connection.record.body = body
    return body
  }

  @inline(__always)
  func bodyWasRead() {
    if request.record.keepAlive != .yes { reconsiderKeepAlive() }
  }

  /// More of the body has been read: the connection can perhaps be kept now.
  @inline(never)
  func reconsiderKeepAlive() {
    guard mayKeepConnection(),
      request.record.bodyEnded || request.record.decoder.remainingLength != nil && canReachEnd()
    else { return }
    setKeepAlive(.yes)
  }

  /// The plugin reads the body, most likely all of it and also while it sends the response. For the thread that reads
  /// from the connection.
  @inline(__always)
  func expectReading() {
    if request.record.keepAlive == .no { keepWhileRead() }
  }

  @inline(never)
  private func keepWhileRead() {
    if mayKeepConnection() { setKeepAlive(.whileRead) }
  }

  private func setKeepAlive(_ keepAlive: KeepAlive) {
    // Another thread may be writing the response's head.
    request.record.pipe.monitor.lock()
    request.record.keepAlive = keepAlive
    request.record.pipe.monitor.unlock()
  }
}
