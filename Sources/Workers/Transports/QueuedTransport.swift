import HTTP
import Platform
import PluginHost

/// Blocking exchanges on a thread of the pool, while the loop owns the connection, of either protocol: answer bytes go through the request's
/// lane, bounded, so that a slow reader blocks only its own handler.
enum QueuedTransport {
  nonisolated(unsafe) static let table: UnsafePointer<ExchangeTransport> = {
    // Made once and never changed.
    let table = UnsafeMutablePointer<ExchangeTransport>.allocate(capacity: 1)
    unsafe table.initialize(
      to: ExchangeTransport(
        admit: { _, _ in Outcome.ok.code },
        perform: { raw, act in
          unsafe QueuedTransport.perform(Exchange(raw: raw), act.assumingMemoryBound(to: ResponseAct.self).pointee)
            .code
        },
        read: { unsafe QueuedTransport.read(Exchange(raw: $0), $1, $2, $3).code },
        attend: { _ in },
        probe: { _ in }))
    return unsafe UnsafePointer(table)
  }()

  private static func request(_ exchange: Exchange) -> Request { unsafe Request(raw: exchange.record.connection) }

  private static func perform(_ exchange: Exchange, _ act: ResponseAct) -> Outcome {
    let worker = Worker.current
    let request = request(exchange)
    let lane = request.record.lane
    if case .head(_, _, _, whole: nil) = act {} else { worker.refreshThreadDate() }
    lane.monitor.lock()
    defer { lane.monitor.unlock() }
    if lane.closed { return exchange.cancelled ?? .closed }

    switch act {
    case .body(let part, let fate) where !fate.isDropped && part.total > BodyPart.copyLimit:
      return sendInPieces(part, ends: fate.endsAnswer, head: nil, exchange, request, worker)
    case .head(_, _, _, let whole?)
    where whole.total > BodyPart.copyLimit && !exchange.record.response.bounds.isAbsent:
      return sendInPieces(whole, ends: true, head: act, exchange, request, worker)
    case .file(let part, let fate) where !fate.isDropped && part.length > 0:
      encode(act, exchange, request, worker, owner: exchange.handle.id)
      lane.pendingFiles += 1
      lane.unsettled += 1
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

  /// With the lane locked: whether all went out. Where nothing is queued before it, and nothing but the answer can come
  /// (no 100, no TLS that is the loop's), the thread spares the loop a turn.
  private static func sendAtOnce(_ exchange: Exchange, _ request: Request, _ worker: Worker) -> Bool {
    let lane = request.record.lane
    let connection = request.record.connection
    guard !request.isStream, !lane.loopHasOutput, lane.pendingFiles == 0, !exchange.hasRequestBody,
      connection.record.tls == nil
    else {
      return false
    }
    let before = lane.output.sent
    let result = WorkerThread.withCurrent { lane.output.flush(to: connection.record.fd, &$0.record.pool) }
    let sent = lane.output.sent &- before
    worker.record.slot.addShared(.bytesSent, sent)
    connection.record.sentByThreads.wrappingAdd(sent, ordering: .relaxed)
    if lane.spool != nil { lane.settleOutput() }
    if case .empty = result { return true }
    return false
  }

  private static func encode(
    _ act: ResponseAct, _ exchange: Exchange, _ request: Request, _ worker: Worker, owner: UInt64
  ) {
    worker.keepForLog(act, of: request)
    if case .head = act { worker.noteDeparture(request, exchange) }
    let lane = request.record.lane
    func encode(into output: inout OutputQueue) {
      WorkerThread.withCurrent { thread in
        request.record.answer.encode(
          act, version: request.head.version,
          bounds: exchange.record.response.bounds,
          // The loop has read the body, and left word here.
          keepAlive: request.record.keepAlive && lane.body.failure == nil && !worker.isDraining,
          owner: owner, into: &output, thread)
      }
    }
    // A head waits for the first byte of its body; what came before it, hints, does not.
    if case .head(_, _, _, whole: nil) = act { return encode(into: &lane.held) }
    lane.output.append(&lane.held)
    encode(into: &lane.output)
  }

  /// A large body, copied as the client takes it.
  private static func sendInPieces(
    _ part: BodyPart, ends: Bool, head: ResponseAct?, _ exchange: Exchange, _ request: Request, _ worker: Worker
  ) -> Outcome {
    if let head { encode(head.withoutBody, exchange, request, worker, owner: 0) }
    let frames = head == nil && request.record.answer.isChunked
    let lane = request.record.lane
    lane.output.append(&lane.held)
    if frames {
      WorkerThread.withCurrent { thread in
        lane.output.write(bound: ResponseEncoder.chunkHeadBound, &thread.record.pool) {
          ResponseEncoder.writeChunkHead(UInt64(part.total), to: &$0)
        }
      }
    }
    var announced = part.total
    for index in 0..<part.count {
      var rest = part[index]
      // The plugin has been told that its chunks are read until the call returns: they are as long as they were.
      guard rest.isWellFormed, rest.count <= announced else {
        request.record.answer.abort(.changedLength)
        return .invalid
      }
      announced -= rest.count
      while !rest.isEmpty {
        let most = request.isCrowded ? Request.streamShare : worker.record.settings.highWater
        let piece = rest.slice(0, min(rest.count, most))
        request.record.answer.countBody(UInt64(piece.count))
        WorkerThread.withCurrent { lane.output.append(piece, &$0.record.pool) }
        rest = rest.dropFirst(piece.count)
        announce(request, worker)
        let outcome = waitForRoom(exchange, request, worker)
        guard outcome == .ok else {
          request.record.answer.abort(.cancelled)
          return outcome
        }
      }
    }
    guard announced == 0 else {
      request.record.answer.abort(.changedLength)
      return .invalid
    }
    WorkerThread.withCurrent { thread in
      if frames { lane.output.append(Bytes(ResponseEncoder.chunkEnd), &thread.record.pool) }
      if ends && frames { lane.output.append(Bytes(ResponseEncoder.lastChunk), &thread.record.pool) }
      if ends && request.isStream { lane.output.append(section: .end, &thread.record.pool) }
    }
    worker.record.mailbox.post(request, worker.record.runtime)
    return .ok
  }

  /// With the lane locked: waits until the loop has sent the file, since it stays the handler's.
  private static func waitForFile(_ exchange: Exchange, _ request: Request) -> Outcome {
    let lane = request.record.lane
    while lane.pendingFiles > 0 {
      // What the loop has not taken over is dropped here; what it has, it drops when it gives the answer up.
      if lane.closed || exchange.cancelled != nil { lane.dropOutput() }
      if lane.pendingFiles > 0 { WorkerThread.awaitClient { lane.monitor.wait() } }
    }
    if !lane.closed && !lane.fileFailed && exchange.cancelled == nil { return .ok }
    request.record.answer.abort(lane.fileFailed ? .unreadableFile : .cancelled)
    return lane.fileFailed ? .io : exchange.cancelled ?? .closed
  }

  /// With the lane locked: more is queued than half the bound, or than a stream's share where others hold too much.
  private static func isFull(_ request: Request, _ worker: Worker) -> Bool {
    // All that the lane has is in a file.
    if request.record.lane.spool != nil && request.record.lane.output.count == 0 { return false }
    let present = request.record.lane.output.count + request.record.lane.loopCount
    if present > worker.record.settings.highWater { return true }
    return present > Request.streamShare && request.isCrowded
  }

  /// With the lane locked: waits until there is room for more, or until what waits has gone to a file.
  private static func waitForRoom(_ exchange: Exchange, _ request: Request, _ worker: Worker) -> Outcome {
    let lane = request.record.lane
    var patience: UInt64?
    while isFull(request, worker) {
      if lane.closed { return exchange.cancelled ?? .closed }
      if let why = exchange.cancelled { return why }
      let end = patience ?? (lane.spool == nil ? Clock.monotonic() &+ Spool.patience : 0)
      patience = end
      if Clock.monotonic() >= end {
        if lane.spool == nil && lane.maySpool { beginSpool(request, worker) }
        // What the loop has already is no hindrance then.
        if let spool = lane.spool, lane.output.count == 0 || spill(lane, to: spool, worker) { continue }
      }
      let waitsForSpool = lane.spool == nil && lane.maySpool && worker.record.settings.spool > 0
      WorkerThread.awaitClient { _ = lane.monitor.wait(until: waitsForSpool ? end : .max) }
    }
    return lane.closed ? exchange.cancelled ?? .closed : .ok
  }

  private static func beginSpool(_ request: Request, _ worker: Worker) {
    let lane = request.record.lane
    lane.spool = worker.makeSpool(for: request)
    if lane.spool == nil { lane.maySpool = false }
  }

  /// With the lane locked, but not while the file is written: what the lane has goes there, and there is room then. False if
  /// the file takes no more of it.
  private static func spill(_ lane: Lane, to spool: Spool, _ worker: Worker) -> Bool {
    var queue = OutputQueue()
    queue.append(&lane.output)
    lane.monitor.unlock()
    let before = queue.count
    let isWhole = WorkerThread.withCurrent {
      queue.spill(to: spool, keeps: false, limit: worker.record.settings.workerSpool, &$0.record.pool)
    }
    worker.record.slot.addShared(.bytesSpooled, UInt64(before - queue.count))
    lane.monitor.lock()
    lane.output.append(&queue)
    if lane.closed { lane.dropOutput() }
    return isWhole
  }

  /// With the lane locked: the loop is to look at the answer. While it has enough of it, and the rest goes to a file, it need
  /// not: it asks for more itself.
  private static func announce(_ request: Request, _ worker: Worker) {
    let lane = request.record.lane
    if lane.spool != nil && lane.loopCount > worker.record.settings.highWater / 2 { return }
    worker.record.mailbox.post(request, worker.record.runtime)
  }

  private static func read(
    _ exchange: Exchange, _ buffer: UnsafeMutableRawPointer, _ capacity: Int, _ got: UnsafeMutablePointer<Int>
  ) -> Outcome {
    let worker = Worker.current
    let request = request(exchange)
    let lane = request.record.lane
    lane.monitor.lock()
    defer { lane.monitor.unlock() }
    while true {
      if lane.body.count > 0 {
        let wasFull = lane.body.room < BodyPipe.capacity / 2
        let count = unsafe lane.body.take(buffer, capacity)
        unsafe got.pointee = count
        var isDue = wasFull && lane.body.room >= BodyPipe.capacity / 2
        if request.isStream {
          let step = worker.record.settings.windowStep
          if lane.readBytes < step && lane.readBytes + count >= step { isDue = true }
          lane.readBytes += count
        }
        if isDue { worker.record.mailbox.post(request, worker.record.runtime) }
        return .ok
      }
      if let failure = lane.body.failure { return failure }
      if lane.body.ended {
        exchange.record.bodyDelivered.store(true, ordering: .releasing)
        return .ok
      }
      if let why = exchange.cancelled { return why }
      if lane.closed { return .closed }
      if !lane.readerWaits {
        lane.readerWaits = true
        worker.record.mailbox.post(request, worker.record.runtime)
      }
      WorkerThread.awaitClient { lane.monitor.wait() }
    }
  }
}

extension ResponseAct {
  /// The head of a whole answer alone; its length is in the verdict's place.
  fileprivate var withoutBody: ResponseAct {
    guard case .head(let status, let fields, let verdict, let whole?) = self else { return self }
    return .head(status: status, fields: fields, verdict: verdict, whole: whole.announced)
  }
}
