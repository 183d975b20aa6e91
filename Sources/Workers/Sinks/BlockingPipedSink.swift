import HTTP
import IPC
import Platform
import PluginHost

/// Blocking exchanges on a thread of the pool, while the loop owns the connection. Response bytes go through the
/// request's bounded pipe, so that a slow client blocks only its own handler.
enum BlockingPipedSink<Channel: PipedChannel> {
  private static func request(_ exchange: Exchange) -> Request { unsafe Request(raw: exchange.record.transportContext) }

  static func perform(_ exchange: Exchange, _ act: ResponsePart) -> CallStatus {
    let worker = Worker.current
    let request = request(exchange)
    let pipe = request.record.pipe
    if case .head(_, _, _, whole: nil) = act {} else { worker.refreshThreadDate() }
    pipe.monitor.lock()
    defer { pipe.monitor.unlock() }
    if pipe.closed { return exchange.cancelled ?? .closed }

    switch act {
    case .body(let part, let fate) where !fate.isDropped && part.total > BodyPart.copyLimit:
      return sendInPieces(part, ends: fate.endsResponse, head: nil, exchange, request, worker)
    case .head(_, _, _, let whole?)
    where whole.total > BodyPart.copyLimit && !exchange.record.response.bounds.isAbsent:
      return sendInPieces(whole, ends: true, head: act, exchange, request, worker)
    case .file(let part, let fate) where !fate.isDropped && part.length > 0:
      encode(act, exchange, request, worker, owner: exchange.handle.id)
      pipe.pendingFiles += 1
      pipe.unsettled += 1
      worker.record.mailbox.post(request, worker.record.runtime)
      return waitForFile(exchange, request)
    default:
      encode(act, exchange, request, worker, owner: 0)
      if case .head(_, _, _, whole: nil) = act { return .ok }
      if sendAtOnce(exchange, request, worker) { return .ok }
      announce(request, worker)
      return waitForRoom(exchange, request, worker)
    }
  }

  /// With the pipe locked: sends directly and returns whether everything was sent. This saves a turn of the loop. It is
  /// possible if nothing is queued before and nothing else can be sent, such as a 100 or TLS data.
  private static func sendAtOnce(_ exchange: Exchange, _ request: Request, _ worker: Worker) -> Bool {
    let pipe = request.record.pipe
    let connection = request.record.connection
    guard Channel.maySendDirectly, !pipe.loopHasOutput, pipe.pendingFiles == 0, !exchange.hasRequestBody,
      connection.record.tls == nil
    else {
      return false
    }
    let before = pipe.output.sent
    let result = WorkerThread.withCurrent { pipe.output.flush(to: connection.record.fd, &$0.record.pool) }
    let sent = pipe.output.sent &- before
    worker.record.slot.addShared(.bytesSent, sent)
    connection.record.sentByThreads.wrappingAdd(sent, ordering: .relaxed)
    if pipe.spool != nil { pipe.releaseDone() }
    if case .empty = result { return true }
    return false
  }

  private static func encode(
    _ act: ResponsePart, _ exchange: Exchange, _ request: Request, _ worker: Worker, owner: UInt64
  ) {
    worker.keepForLog(act, of: request)
    if case .head = act, exchange.mayPeerBeClosed { request.record.framer.followsDeparture = true }
    let pipe = request.record.pipe
    func encode(into output: inout OutputQueue) {
      WorkerThread.withCurrent { thread in
        request.record.framer.encode(
          act, version: request.head.version,
          bounds: exchange.record.response.bounds,
          // The loop reads the body and records the result here.
          keepAlive: keepsConnection(act, request, worker) && pipe.body.failure == nil && !worker.isDraining,
          owner: owner, into: &output, thread)
      }
    }
    // A head waits for the first byte of its body. Hints before it do not wait.
    if case .head(_, _, _, whole: nil) = act { return encode(into: &pipe.held) }
    pipe.output.append(&pipe.held)
    encode(into: &pipe.output)
  }

  /// With the pipe locked: the same as `Request.keepsConnection`, where the loop reads the body ahead of the handler.
  private static func keepsConnection(_ act: ResponsePart, _ request: Request, _ worker: Worker) -> Bool {
    if request.record.keepAlive == .yes { return true }
    return !act.isWholeAnswer && request.record.pipe.isRead && Channel(worker, request).mayKeepConnection()
  }

  /// Sends a large body in pieces, each copied when the client has read enough.
  private static func sendInPieces(
    _ part: BodyPart, ends: Bool, head: ResponsePart?, _ exchange: Exchange, _ request: Request, _ worker: Worker
  ) -> CallStatus {
    if let head { encode(head.withoutBody, exchange, request, worker, owner: 0) }
    let frames = head == nil && request.record.framer.isChunked
    let pipe = request.record.pipe
    pipe.output.append(&pipe.held)
    if frames {
      WorkerThread.withCurrent { thread in
        pipe.output.write(bound: ResponseEncoder.chunkHeadBound, &thread.record.pool) {
          ResponseEncoder.writeChunkHead(UInt64(part.total), to: &$0)
        }
      }
    }
    var announced = part.total
    for index in 0..<part.count {
      var rest = part[index]
      // The plugin must not change its chunks until the call returns: their lengths are checked against the sum read
      // before.
      guard rest.isWellFormed, rest.count <= announced else {
        request.record.framer.abort(.changedLength)
        return .invalid
      }
      announced -= rest.count
      while !rest.isEmpty {
        let most = Channel(worker, request).isCrowded ? Request.streamShare : worker.record.settings.highWater
        let piece = rest.slice(0, min(rest.count, most))
        request.record.framer.countBody(UInt64(piece.count))
        WorkerThread.withCurrent { pipe.output.append(piece, &$0.record.pool) }
        rest = rest.dropFirst(piece.count)
        announce(request, worker)
        let outcome = waitForRoom(exchange, request, worker)
        guard outcome == .ok else {
          request.record.framer.abort(.cancelled)
          return outcome
        }
      }
    }
    guard announced == 0 else {
      request.record.framer.abort(.changedLength)
      return .invalid
    }
    WorkerThread.withCurrent { thread in
      if frames { pipe.output.append(Bytes(ResponseEncoder.chunkEnd), &thread.record.pool) }
      if ends && frames { pipe.output.append(Bytes(ResponseEncoder.lastChunk), &thread.record.pool) }
      if ends { Channel.endPieces(&pipe.output, &thread.record.pool) }
    }
    worker.record.mailbox.post(request, worker.record.runtime)
    return .ok
  }

  /// With the pipe locked: waits until the loop has sent the file, which the handler still owns.
  private static func waitForFile(_ exchange: Exchange, _ request: Request) -> CallStatus {
    let pipe = request.record.pipe
    while pipe.pendingFiles > 0 {
      // Drops what the loop has not taken over. The loop drops the rest when it aborts the response.
      if pipe.closed || exchange.cancelled != nil { pipe.dropOutput() }
      if pipe.pendingFiles > 0 { WorkerThread.awaitClient { pipe.monitor.wait() } }
    }
    if !pipe.closed && !pipe.fileFailed && exchange.cancelled == nil { return .ok }
    request.record.framer.abort(pipe.fileFailed ? .unreadableFile : .cancelled)
    return pipe.fileFailed ? .io : exchange.cancelled ?? .closed
  }

  /// With the pipe locked: whether more than half the bound is queued, or more than a stream's share on a crowded
  /// connection.
  private static func isFull(_ request: Request, _ worker: Worker) -> Bool {
    // Everything in the pipe has been written to a file.
    if request.record.pipe.spool != nil && request.record.pipe.output.count == 0 { return false }
    let present = request.record.pipe.output.count + request.record.pipe.loopCount
    if present > worker.record.settings.highWater { return true }
    return present > Request.streamShare && Channel(worker, request).isCrowded
  }

  /// With the pipe locked: waits until there is room, or until queued bytes have been written to a file.
  private static func waitForRoom(_ exchange: Exchange, _ request: Request, _ worker: Worker) -> CallStatus {
    let pipe = request.record.pipe
    var patience: UInt64?
    while isFull(request, worker) {
      if pipe.closed { return exchange.cancelled ?? .closed }
      if let why = exchange.cancelled { return why }
      let end = patience ?? (pipe.spool == nil ? Clock.monotonic() &+ Spool.patience : 0)
      patience = end
      if Clock.monotonic() >= end {
        if pipe.spool == nil && pipe.maySpool { beginSpool(request, worker) }
        // Bytes that the loop already has do not count then.
        if let spool = pipe.spool, pipe.output.count == 0 || spill(pipe, to: spool, worker) { continue }
      }
      let waitsForSpool = pipe.spool == nil && pipe.maySpool && worker.record.spools.limit > 0
      WorkerThread.awaitClient { _ = pipe.monitor.wait(until: waitsForSpool ? end : .max) }
    }
    return pipe.closed ? exchange.cancelled ?? .closed : .ok
  }

  private static func beginSpool(_ request: Request, _ worker: Worker) {
    let pipe = request.record.pipe
    pipe.spool = worker.record.spools.make(for: request)
    if pipe.spool == nil { pipe.maySpool = false }
  }

  /// Moves the bytes in the pipe to the file, which makes room. Called with the pipe locked; unlocks it while writing.
  /// False if the file can't hold all of them.
  private static func spill(_ pipe: ResponsePipe, to spool: Spool, _ worker: Worker) -> Bool {
    var queue = OutputQueue()
    queue.append(&pipe.output)
    pipe.monitor.unlock()
    let before = queue.count
    let isWhole = WorkerThread.withCurrent {
      queue.spill(to: spool, keeps: false, limit: worker.record.spools.workerLimit, &$0.record.pool)
    }
    worker.record.slot.addShared(.bytesSpooled, UInt64(before - queue.count))
    pipe.monitor.lock()
    pipe.output.append(&queue)
    if pipe.closed { pipe.dropOutput() }
    return isWhole
  }

  /// With the pipe locked: asks the loop to look at the response. This is not necessary while the loop has enough of it
  /// and the rest goes to a file: the loop asks for more itself.
  private static func announce(_ request: Request, _ worker: Worker) {
    let pipe = request.record.pipe
    if pipe.spool != nil && pipe.loopCount > worker.record.settings.highWater / 2 { return }
    worker.record.mailbox.post(request, worker.record.runtime)
  }

  static func read(
    _ exchange: Exchange, _ buffer: UnsafeMutableRawPointer, _ capacity: Int, _ got: UnsafeMutablePointer<Int>
  ) -> CallStatus {
    let worker = Worker.current
    let request = request(exchange)
    let pipe = request.record.pipe
    pipe.monitor.lock()
    defer { pipe.monitor.unlock() }
    while true {
      if pipe.body.count > 0 {
        let wasFull = pipe.body.room < BodyPipe.capacity / 2
        let count = unsafe pipe.body.take(buffer, capacity)
        unsafe got.pointee = count
        pipe.isRead = true
        var isDue = wasFull && pipe.body.room >= BodyPipe.capacity / 2
        if Channel(worker, request).countRead(count) { isDue = true }
        if isDue { worker.record.mailbox.post(request, worker.record.runtime) }
        return .ok
      }
      // If the server has ended the request, a client that then leaves is not the cause.
      if let failure = pipe.body.failure { return exchange.cancelled ?? failure }
      if pipe.body.ended {
        exchange.record.bodyDelivered.store(true, ordering: .releasing)
        return .ok
      }
      if let why = exchange.cancelled { return why }
      if pipe.closed { return .closed }
      if !pipe.readerWaits {
        pipe.readerWaits = true
        worker.record.mailbox.post(request, worker.record.runtime)
      }
      WorkerThread.awaitClient { pipe.monitor.wait() }
    }
  }
}

extension ResponsePart {
  /// Only the head of a whole response; the body's length is in the verdict.
  fileprivate var withoutBody: ResponsePart {
    guard case .head(let status, let fields, let verdict, let whole?) = self else { return self }
    return .head(status: status, fields: fields, verdict: verdict, whole: whole.lengthOnly)
  }
}

/// Differences between the protocols for a thread at the other end of a pipe; called with the pipe locked.
protocol PipedChannel: HTTPChannel {
  /// Whether the thread may send on the connection itself if nothing is queued.
  static var maySendDirectly: Bool { get }
  /// Whether the client's head and the worker model allow keep-alive.
  func mayKeepConnection() -> Bool
  /// Ends a body that was sent in pieces.
  static func endPieces(_ output: inout OutputQueue, _ pool: inout BufferPool)
  /// Counts bytes that the handler has read; returns whether the loop has to be told.
  func countRead(_ count: Int) -> Bool
}

extension HTTP1Channel: PipedChannel {
  static var maySendDirectly: Bool { true }
  // The framing marks the end.
  static func endPieces(_ output: inout OutputQueue, _ pool: inout BufferPool) {}
  func countRead(_ count: Int) -> Bool { false }
}

extension HTTP2Channel: PipedChannel {
  // Only the session can make frames.
  static var maySendDirectly: Bool { false }
  func mayKeepConnection() -> Bool { true }

  static func endPieces(_ output: inout OutputQueue, _ pool: inout BufferPool) {
    output.append(section: .end, &pool)
  }

  /// The stream's window opens when enough bytes have been read.
  func countRead(_ count: Int) -> Bool {
    let pipe = request.record.pipe
    let step = worker.record.settings.windowStep
    defer { pipe.readBytes += count }
    return pipe.readBytes < step && pipe.readBytes + count >= step
  }
}
