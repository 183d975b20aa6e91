import Glibc
import HTTP
import Platform
import PluginHost
import Synchronization

/// Blocking exchanges on the thread that owns the connection: acts go straight to the socket, reads straight from it,
/// every wait bounded by a deadline. The sync model's handlers run so in place, gthread's on a thread of the pool.
enum DirectTransport {
  nonisolated(unsafe) static let table: UnsafePointer<ExchangeTransport> = {
    // Made once and never changed.
    let table = UnsafeMutablePointer<ExchangeTransport>.allocate(capacity: 1)
    unsafe table.initialize(
      to: ExchangeTransport(
        admit: { _, _ in Outcome.ok.code },
        perform: { raw, act in
          unsafe DirectTransport.perform(Exchange(raw: raw), act.assumingMemoryBound(to: ResponseAct.self).pointee)
            .code
        },
        read: { unsafe DirectTransport.read(Exchange(raw: $0), $1, $2, $3).code },
        attend: { _ in },
        probe: { unsafe DirectTransport.probe(Exchange(raw: $0)) }))
    return unsafe UnsafePointer(table)
  }()

  private static func request(_ exchange: Exchange) -> Request { unsafe Request(raw: exchange.record.connection) }

  private static func perform(_ exchange: Exchange, _ act: ResponseAct) -> Outcome {
    let worker = Worker.current
    let request = request(exchange)
    let connection = request.record.connection
    guard let outcome = claim(request, exchange, { send(act, exchange, request, connection, worker) }) else {
      return exchange.cancelled ?? .closed
    }
    return outcome
  }

  /// Runs `body` while nobody else sends on the connection; nil if the request was ended in the handler's place.
  @inline(__always)
  private static func claim(_ request: Request, _ exchange: Exchange, _ body: () -> Outcome) -> Outcome? {
    guard !request.record.isSending.exchange(true, ordering: .acquiring) else { return nil }
    defer { request.record.isSending.store(false, ordering: .releasing) }
    return body()
  }

  @inline(__always)
  private static func send(
    _ act: ResponseAct, _ exchange: Exchange, _ request: Request, _ connection: Connection, _ worker: Worker
  ) -> Outcome {
    if connection.record.flags.contains(.broken) { return .closed }
    worker.refreshThreadDate()
    if case .head = act { worker.noteDeparture(request, exchange) }
    worker.keepForLog(act, of: request)
    request.record.answer.encode(
      act.lending, version: request.record.parser.head.version,
      bounds: exchange.record.response.bounds, keepAlive: request.mayKeepConnection && !worker.isDraining,
      owner: 0, into: &connection.record.output, WorkerThread.current)
    switch act {
    case .head(_, _, _, whole: nil): return .ok  // held until the first byte of the body
    default:
      if request.record.answer.hasHead { request.record.headIsOut = true }
      if exchange.record.response.isComplete && request.record.answer.closes {
        connection.record.flags.insert(.ends)
      }
      return drain(connection, request, exchange, worker)
    }
  }

  /// Sends all that is queued.
  private static func drain(
    _ connection: Connection, _ request: Request, _ exchange: Exchange, _ worker: Worker
  ) -> Outcome {
    let timeout = worker.record.settings.timeouts.write
    // The socket has not told of room for a while: there may be some, and the client be at it all the same.
    var isOverdue = false
    while true {
      let before = connection.record.output.sent
      switch connection.flushOutput(&WorkerThread.current.record.pool) {
      case .empty:
        // Until the handler has more, it is not the client's time that passes.
        if request.record.stream.progress.isRunning { request.record.stream.progress.pause(Clock.monotonic()) }
        return .ok
      case .failed(let outcome):
        if outcome == .io { request.record.answer.abort(.unreadableFile) }
        return fail(connection, exchange, worker, outcome)
      case .blocked: break
      }
      if let why = exchange.cancelled {
        request.record.answer.abort(.cancelled)
        return fail(connection, exchange, worker, why)
      }
      let now = Clock.monotonic()
      request.record.stream.progress.resume(now)
      if connection.record.output.sent != before { request.record.stream.progress.flowed(now) }
      if isOverdue || request.record.stream.progress.isWindowOver(now, timeout: timeout) {
        request.record.stream.progress.took(worker.bytesTaken(connection), now)
      }
      if now >= worker.requestDeadline(request) { return fail(connection, exchange, worker, .cancelled) }
      guard
        case .fine(let moment) = request.record.stream.progress.judge(
          now, timeout: timeout, rate: worker.record.settings.minRate)
      else { return fail(connection, exchange, worker, .cancelled) }
      let deadline = min(
        moment, worker.requestDeadline(request), now &+ TransferProgress.lookInterval(timeout))
      guard request.record.lane.maySpool, worker.record.settings.spool > 0, worker.record.settings.model.isGthread
      else {
        isOverdue = !WorkerThread.awaitClient { connection.wait(toWrite: true, deadline: deadline) }
        continue
      }
      if request.record.lane.spool == nil {
        let patience = min(deadline, now &+ Spool.patience)
        let isReady = WorkerThread.awaitClient { connection.wait(toWrite: true, deadline: patience) }
        isOverdue = !isReady && patience == deadline
        if isReady || isOverdue { continue }
      }
      if spill(connection, request, worker) { return .ok }
      request.record.lane.maySpool = false
    }
  }

  /// What the client does not take goes to a file, which the loop sends when the handler has returned: false if not all of
  /// it can.
  private static func spill(_ connection: Connection, _ request: Request, _ worker: Worker) -> Bool {
    let lane = request.record.lane
    if lane.spool == nil { lane.spool = worker.makeSpool(for: request) }
    guard let spool = lane.spool, !connection.record.output.waitsForPlugin else { return false }
    // A little may stay where it is, if it is the worker's own.
    if connection.record.output.lent == 0 && connection.record.output.count <= worker.record.settings.highWater {
      return true
    }
    let before = connection.record.output.count
    let isWhole = connection.record.output.spill(
      to: spool, keeps: true, limit: worker.record.settings.workerSpool, &WorkerThread.current.record.pool)
    worker.record.slot.addShared(.bytesSpooled, UInt64(before - connection.record.output.count))
    return isWhole
  }

  private static func fail(
    _ connection: Connection, _ exchange: Exchange, _ worker: Worker, _ outcome: Outcome
  ) -> Outcome {
    connection.record.flags.insert(.broken)
    connection.discardOutput(&WorkerThread.current.record.pool)
    exchange.cancel(outcome == .io ? .closed : outcome)
    return outcome
  }

  private static func read(
    _ exchange: Exchange, _ buffer: UnsafeMutableRawPointer, _ capacity: Int, _ got: UnsafeMutablePointer<Int>
  ) -> Outcome {
    let request = request(exchange)
    if let why = exchange.cancelled { return why }
    let outcome = claim(request, exchange) { unsafe receive(exchange, request, buffer, capacity, got) }
    return outcome ?? exchange.cancelled ?? .closed
  }

  private static func receive(
    _ exchange: Exchange, _ request: Request, _ buffer: UnsafeMutableRawPointer, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>
  ) -> Outcome {
    let worker = Worker.current
    let usesLane = request.record.usesLane.load(ordering: .relaxed)
    let gathered = usesLane ? unsafe request.record.lane.takeGathered(buffer, capacity) : 0
    if gathered > 0 {
      unsafe got.pointee = gathered
      return .ok
    }
    worker.sendContinueIfDue(request)
    request.record.bodyProgress.resume(Clock.monotonic())
    defer { request.record.bodyProgress.pause(Clock.monotonic()) }
    while true {
      switch worker.nextBody(request, limit: capacity) {
      case .bytes(let bytes):
        request.record.bodyProgress.moved(bytes.count, Clock.monotonic())
        if let base = unsafe bytes.base { unsafe memcpy(buffer, base, bytes.count) }
        unsafe got.pointee = bytes.count
        return .ok
      case .end:
        exchange.record.bodyDelivered.store(true, ordering: .releasing)
        return .ok
      case .refused(let refusal):
        request.record.pendingRefusal = refusal
        return refusal == .bodyTooLarge ? .limit : .invalid
      case .gone:
        // Its end may be the server's doing.
        if let why = exchange.cancelled { return why }
        request.record.pendingRefusal = .truncatedBody
        return .invalid
      case .wait:
        guard waitForBody(request, exchange, worker) else { return exchange.cancelled ?? .closed }
      }
    }
  }

  private static func waitForBody(_ request: Request, _ exchange: Exchange, _ worker: Worker) -> Bool {
    let connection = request.record.connection
    if exchange.cancelled != nil { return false }
    let now = Clock.monotonic()
    if now >= worker.requestDeadline(request) {
      request.record.pendingRefusal = .requestTimeout
      exchange.cancel(.cancelled)
      return false
    }
    let verdict = request.record.bodyProgress.judge(
      now, timeout: worker.record.settings.timeouts.body, rate: worker.record.settings.minRate)
    switch verdict {
    case .fine(let moment):
      let deadline = min(moment, worker.requestDeadline(request))
      WorkerThread.awaitClient { _ = connection.wait(toWrite: false, deadline: deadline) }
      connection.record.flags.insert(.readable)
      return true
    case .stalled, .tooSlow:
      request.record.pendingRefusal = verdict.refusal
      exchange.cancel(.cancelled)
      return false
    }
  }

  private static func probe(_ exchange: Exchange) {
    let request = request(exchange)
    if Connections.peerHasLeft(request.record.connection.record.fd) { exchange.noteDeparture() }
  }
}

extension TransferProgress.Verdict {
  /// What a body that goes like this is refused with.
  var refusal: Refusal {
    if case .tooSlow = self { return .belowMinimumRate }
    return .bodyTimeout
  }
}

extension ResponseAct {
  /// The same act with its memory lent: it is sent before the call returns, so that nothing need be copied but what
  /// shares a buffer with the head.
  fileprivate var lending: ResponseAct {
    if case .body(let part, let fate) = self, part.total > BodyPart.copyLimit {
      return .body(part.lent, fate)
    }
    if case .head(let status, let fields, let verdict, let whole?) = self, whole.total > BodyPart.copyLimit {
      return .head(status: status, fields: fields, verdict: verdict, whole: whole.lent)
    }
    return self
  }
}
