import Glibc
import HTTP
import Memory
import Platform
import PluginHost

// The body of an HTTP/1 request, read from the socket.

extension HTTP1Channel {
  func readBody(limit: Int) -> BodyStep {
    if request.record.bodyEnded { return .end }
    while true {
      if let source = connection.source, source.unreadCount > 0 {
        switch decode(source, limit: limit) {
        case .wait: break
        case let step: return step
        }
      }
      switch receiveBody() {
      case .bytes: continue
      case .none: return noBody()
      case .endOfFile: return .gone
      }
    }
  }

  /// The result when nothing can be read now.
  private func noBody() -> BodyStep {
    let isOnLoop = connection.record.phase != .ownedByThread
    if connection.record.flags.contains(.broken) {
      if isOnLoop { worker.noteFlood(connection) }
      return .gone
    }
    // Other connections get their turn, and no event reports bytes that are already there. A thread reads the socket
    // itself.
    if isOnLoop, connection.record.flags.contains(.readable) { driver.queue() }
    return .wait
  }

  /// Decodes bytes that have been read; `.wait` when they are used up.
  private func decode(_ source: Buffer, limit: Int) -> BodyStep {
    if request.record.storage.trailerParser != nil { return readTrailers(source) }
    switch unsafe request.record.decoder.decode(
      UnsafePointer(source.unread), count: source.unreadCount, limit: limit)
    {
    case .needInput(let consumed):
      source.record.start += consumed
      return .wait
    case .bytes(let offset, let length):
      let bytes = unsafe Bytes(base: UnsafePointer(source.unread + offset), count: length)
      source.record.start += offset + length
      if request.record.decoder.hasEnded { request.record.bodyEnded = true }
      return .bytes(bytes)
    case .end(let consumed, let trailers):
      source.record.start += consumed
      if trailers {
        request.record.storage.trailerParser = unsafe TrailerParser(
          limits: worker.record.settings.limits, underscores: worker.record.settings.underscores,
          storage: request.record.storage.trailerFields())
        return readTrailers(source)
      }
      request.record.bodyEnded = true
      return .end
    case .refused(let refusal): return .refused(refusal)
    }
  }

  /// Gathers the trailer section in one buffer, since its fields are views, and continues where it stopped.
  private func readTrailers(_ source: Buffer) -> BodyStep {
    let section = request.record.storage.trailerBuffer()
    let before = section.record.end
    let count = min(source.unreadCount, section.freeCount)
    unsafe section.free.update(from: source.unread, count: count)
    section.record.end += count
    switch unsafe request.record.storage.trailerParser?.parse(UnsafePointer(section.base), count: section.record.end) {
    case nil, .incomplete:
      source.record.start += count
      return .wait
    case .refused(let refusal): return .refused(refusal)
    case .complete(let length):
      source.record.start += length - before
      request.record.bodyEnded = true
      request.record.exchange?.record.requestTrailers = request.record.storage.trailerParser?.fields ?? .none
      return .end
    }
  }

  /// Reads into the body's own buffer. The head keeps its own.
  private func receiveBody() -> Connection.Input {
    let buffer: Buffer
    if let present = connection.record.body, !HostileMemory.isOn {
      buffer = present
      buffer.compact()
    } else {
      buffer = freshBody()
    }
    return connection.receive(into: buffer)
  }

  /// A new buffer for the body. With `HostileMemory` it replaces an earlier one, so that the bytes move.
  private func freshBody() -> Buffer {
    let former = connection.record.body
    let waiting = former?.unreadCount ?? 0
    let usual = BufferPool.largeCapacity
    let buffer = WorkerThread.current.record.pool.take(
      former == nil ? HostileMemory.first(usual) : HostileMemory.next(usual, needed: waiting + 1))
    if let former {
      unsafe buffer.free.update(from: former.unread, count: waiting)
      buffer.record.end = waiting
      WorkerThread.current.record.pool.give(former)
    }
    connection.record.body = buffer
    return buffer
  }

  func beginTunnel() {
    request.record.keepAlive = .no
    request.record.decoder = BodyDecoder(.fixed(.max), limits: worker.record.settings.limits)
    request.record.bodyEnded = false
  }

  func releaseReadMemory() {
    guard let body = connection.record.body, body.unreadCount == 0 else { return }
    worker.record.thread.record.pool.give(body)
    connection.record.body = nil
  }

  func sendContinue() {
    guard isContinueAwaited else { return }
    connection.record.output.append(HTTP1Channel.continueMessage, &worker.record.thread.record.pool)
    flush()
  }

  /// [request-thread] The same for the thread that owns the connection. The queue holds at most a head that waits for
  /// its body, which follows the 100.
  func sendContinueDirectly() {
    if claimContinue(), isContinueAwaited { connection.sendAtOnce(HTTP1Channel.continueMessage) }
  }

  private static var continueMessage: Bytes { Bytes("HTTP/1.1 100 Continue\r\n\r\n") }

  /// Whether the client still waits for 100 (Continue); a client that has begun to send does not.
  private var isContinueAwaited: Bool {
    // The client sends the body from now on.
    reconsiderKeepAlive()
    return !request.record.bodyEnded && (connection.source?.unreadCount ?? 0) == 0
  }
}
