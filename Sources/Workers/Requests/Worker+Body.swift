import Glibc
import HTTP
import Platform
import PluginHost

// The request's body, piece by piece, for whoever wants it: an event plugin, a handler's pipe, a blocked reader, nobody.

extension Worker {
  /// The most of one body that is passed on before it is the others' turn: a plugin may take its time with each piece.
  static let bodyPerTurn = 64 << 10

  enum BodyStep {
    /// Decoded bytes, valid until the next step.
    case bytes(Bytes)
    /// The end; trailers, if any, are in the exchange.
    case end
    /// Nothing has come; the next byte will be told.
    case wait
    case refused(Refusal)
    /// The client left within the body.
    case gone
  }

  /// The next piece of the body. A refusal is for ever.
  ///
  /// - Parameter limit: the most bytes wanted.
  func nextBody(_ request: Request, limit: Int = .max) -> BodyStep {
    if let refusal = request.record.decoder.refusal { return .refused(refusal) }
    let step = readBody(request, limit: limit)
    if case .refused(let refusal) = step { request.record.decoder.refuse(refusal) }
    return step
  }

  private func readBody(_ request: Request, limit: Int) -> BodyStep {
    if request.record.bodyEnded { return .end }
    if request.isStream { return nextStreamBody(request, limit: limit) }
    let connection = request.record.connection
    while true {
      if let source = connection.source, source.unreadCount > 0 {
        switch decode(request, source, limit: limit) {
        case .wait: break
        case let step: return step
        }
      }
      switch receiveBody(connection) {
      case .bytes: continue
      case .none: return noBody(connection)
      case .endOfFile: return .gone
      }
    }
  }

  /// Nothing can be read now.
  private func noBody(_ connection: Connection) -> BodyStep {
    let isOnLoop = connection.record.phase != .lent
    if connection.record.flags.contains(.broken) {
      if isOnLoop { noteFlood(connection) }
      return .gone
    }
    // It is the others' turn, and no event tells of what is there already. A thread asks the socket itself.
    if isOnLoop, connection.record.flags.contains(.readable) { queue(connection) }
    return .wait
  }

  /// Decodes from what has been read; `.wait` when that is used up.
  private func decode(_ request: Request, _ source: Buffer, limit: Int) -> BodyStep {
    if request.record.storage.trailerParser != nil { return readTrailers(request, source) }
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
          limits: record.settings.limits, underscores: record.settings.underscores,
          storage: request.record.storage.trailerFields())
        return readTrailers(request, source)
      }
      request.record.bodyEnded = true
      return .end
    case .refused(let refusal): return .refused(refusal)
    }
  }

  /// Gathers the trailer section in one piece, since its fields are views, and reads on where it stopped.
  private func readTrailers(_ request: Request, _ source: Buffer) -> BodyStep {
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

  /// Reads into the body's own buffer: the head keeps the one it stands in.
  private func receiveBody(_ connection: Connection) -> Input {
    let buffer: Buffer
    if let present = connection.record.body, !HostileMemory.isOn {
      buffer = present
      buffer.compact()
    } else {
      buffer = freshBody(connection)
    }
    return receive(connection, into: buffer)
  }

  /// A buffer for the body. In hostile memory there may be one before it, whose bytes move.
  private func freshBody(_ connection: Connection) -> Buffer {
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

  /// The client waits for leave to send its body, and somebody wants it now (RFC 9110 section 10.1.1).
  func sendContinueIfDue(_ request: Request) {
    guard request.head.traits.contains(.expectsContinue), !request.record.continueSent else { return }
    request.record.continueSent = true
    if request.record.headIsOut { return }
    if request.isStream { return sendStreamContinue(request) }
    expectBody(request)
    // A client that has begun to send did not wait.
    let connection = request.record.connection
    if request.record.bodyEnded || (connection.source?.unreadCount ?? 0) > 0 { return }
    let message = Bytes("HTTP/1.1 100 Continue\r\n\r\n")
    if !record.settings.model.isAsync && request.record.exchange?.record.isBlocking == true {
      // Whoever owns the connection asks: what is queued is at most a head that waits for its body, behind the 100.
      connection.sendAtOnce(message)
      return
    }
    connection.record.output.append(message, &record.thread.record.pool)
    flush(connection)
  }

  /// The client sends the body from now on, if it did not before: where it ends is known, and the connection can be kept.
  private func expectBody(_ request: Request) {
    let keeps = mayKeepConnection(after: request)
    // Another thread may be at the head of the answer.
    request.record.lane.monitor.lock()
    request.record.keepAlive = keeps
    request.record.lane.monitor.unlock()
  }

  /// Watches over a body that somebody waits for.
  func watchBody(_ request: Request) {
    let moment = request.record.bodyProgress.nextJudgement(timeout: record.settings.timeouts.body)
    setDeadline(of: request, min(moment, requestDeadline(request)))
  }

  func requestDeadline(_ request: Request) -> UInt64 {
    let limit = record.settings.timeouts.request
    return limit > 0 ? request.record.began &+ limit : .max
  }
}
