import HTTP
import Memory
import PluginHost

// Reading the head of a request.

extension HTTP1Connection {
  @inline(__always)
  func readHead() -> Bool {
    if let input = connection.record.input, input.unreadCount > 0, parseWaiting(input) { return true }
    // The next request waits while the client does not read earlier responses.
    guard hasDrainedOutput else { return false }
    guard connection.record.flags.contains(.readable) else { return connection.record.flags.contains(.broken) }
    let input = inputWithRoom()
    switch connection.receive(into: input) {
    case .bytes: return parseHead(input) || connection.record.flags.contains(.readable)
    case .endOfFile: return endOfFileInHead()
    case .none:
      releaseEmptyInput()
      return connection.record.flags.contains(.broken)
    }
  }

  /// Bytes behind the previous request may be the next head.
  @inline(never)
  private func parseWaiting(_ input: Buffer) -> Bool {
    guard hasDrainedOutput else {
      connection.record.flags.insert(.waitsForOutput)
      return false
    }
    return parseHead(input)
  }

  @inline(never)
  private func endOfFileInHead() -> Bool {
    if connection.record.request?.record.parser.hasBegun == true {
      refuse(.malformedRequestLine)
    } else {
      driver.releaseRequest()
      driver.finish()
    }
    return true
  }

  /// The input buffer, with room for at least one more byte: the largest head fits in one piece.
  @inline(__always)
  func inputWithRoom() -> Buffer {
    guard let input = connection.record.input else {
      let fresh = worker.record.thread.record.pool.take(HostileMemory.first(BufferPool.smallCapacity))
      connection.record.input = fresh
      return fresh
    }
    return input.freeCount > 0 && !HostileMemory.isOn ? input : inputWithMoreRoom(input)
  }

  /// The same for one that is full.
  @inline(never)
  private func inputWithMoreRoom(_ input: Buffer) -> Buffer {
    connection.record.request?.record.parser.reset()
    if input.record.start > 0 && !HostileMemory.isOn {
      input.compact()
      return input
    }
    let usual = max(BufferPool.largeCapacity, worker.record.settings.limits.head + 1)
    let larger = worker.record.thread.record.pool.take(HostileMemory.next(usual, needed: input.unreadCount + 1))
    unsafe larger.free.update(from: input.unread, count: input.unreadCount)
    larger.record.end = input.unreadCount
    worker.record.thread.record.pool.give(input)
    connection.record.input = larger
    return larger
  }

  /// An idle connection holds no memory beyond its record.
  @inline(never)
  private func releaseEmptyInput() {
    guard let input = connection.record.input, input.unreadCount == 0, connection.record.request == nil else { return }
    worker.record.thread.record.pool.give(input)
    connection.record.input = nil
  }

  /// True if the connection is in another phase now.
  @inline(__always)
  private func parseHead(_ input: Buffer) -> Bool {
    switch preface(input) {
    case .absent: break
    case .incomplete: return false
    case .complete:
      startHTTP2()
      return true
    }
    let request: Request
    if let present = connection.record.request {
      request = present
    } else {
      guard let fresh = worker.record.requests.open(connection) else {
        driver.close()
        return true
      }
      request = fresh
      connection.record.request = request
    }
    switch unsafe request.record.parser.parse(UnsafePointer(input.unread), count: input.unreadCount) {
    case .incomplete:
      if connection.record.phase == .idle && request.record.parser.hasBegun {
        connection.move(.headBegan)
        driver.setDeadline(worker.record.clock.now &+ worker.record.settings.timeouts.head)
      }
      return false
    case .refused(let refusal):
      refuse(refusal)
      return true
    case .complete(let length):
      input.record.start += length
      connection.move(.headComplete)
      driver.setDeadline(.max)
      HTTP1Channel(worker, request).begin()
      return true
    }
  }

  // MARK: HTTP/2 with prior knowledge

  enum Preface { case absent, incomplete, complete }

  /// Whether what has come on a connection that may speak HTTP/2 is the preface (RFC 9113 section 3.4).
  private func preface(_ input: Buffer) -> Preface {
    guard connection.record.flags.contains(.mayBeHTTP2) else { return .absent }
    let expected = Bytes(HTTP2Session.preface)
    let count = min(input.unreadCount, expected.count)
    let begun = unsafe Bytes(base: UnsafePointer(input.unread), count: count)
    guard begun.equals(expected.slice(0, count)) else {
      connection.record.flags.remove(.mayBeHTTP2)
      return .absent
    }
    return count == expected.count ? .complete : .incomplete
  }

  @inline(never)
  func startHTTP2() {
    driver.releaseRequest()
    connection.record.flags.remove(.mayBeHTTP2)
    connection.record.http2 = HTTP2Connection(
      worker, connection, worker.record.settings.http2Session, worker.record.sessions.memory,
      headLimit: worker.record.settings.headMemory)
    connection.move(.http2Chosen)
    connection.record.http2?.record.idleSince = worker.record.clock.now
    driver.setDeadline(worker.record.clock.now &+ worker.record.settings.timeouts.keepalive)
  }
}
