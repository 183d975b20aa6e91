import Glibc
import HTTP
import Platform
import PluginHost
import Synchronization

/// The thread that runs a handler and owns the connection.
protocol HandlerPlace {
  /// Whether unread output may go to a file, so that the thread is free for other requests.
  static var spools: Bool { get }
  /// Called before the final head is sent: checks whether the client has closed its side.
  static func checkPeer(_ channel: HTTP1Channel)
}

/// The loop's thread: nothing else runs meanwhile, and nobody watches the socket.
enum InPlace: HandlerPlace {
  // There are no other requests to be free for.
  static var spools: Bool { false }

  /// Checks only if the handler has run for a while.
  static func checkPeer(_ channel: HTTP1Channel) {
    guard Clock.monotonic() &- channel.request.record.began > Clock.nanosecondsPerMillisecond else { return }
    channel.worker.notePeerClosed(of: channel.request, ConnectedSocket.peerState(channel.connection.record.fd))
  }
}

/// A thread of the pool: the loop watches the socket meanwhile and notes its state.
enum OnOwningThread: HandlerPlace {
  static var spools: Bool { true }
  static func checkPeer(_ channel: HTTP1Channel) {}
}

/// Blocking exchanges on the thread that owns the connection. Sends and reads use the socket directly, and every wait
/// has a deadline. Handlers under sync run on the loop's thread, those under gthread on a thread of the pool.
enum BlockingDirectSink<Place: HandlerPlace> {
  private static func request(_ exchange: Exchange) -> Request { unsafe Request(raw: exchange.record.transportContext) }

  static func perform(_ exchange: Exchange, _ act: ResponsePart) -> CallStatus {
    let worker = Worker.current
    let request = request(exchange)
    let connection = request.record.connection
    guard let outcome = claim(request, exchange, { send(act, exchange, request, connection, worker) }) else {
      return exchange.cancelled ?? .closed
    }
    return outcome
  }

  /// Runs `body` while nobody else sends on the connection; nil if the request has ended in the handler's place.
  @inline(__always)
  private static func claim(_ request: Request, _ exchange: Exchange, _ body: () -> CallStatus) -> CallStatus? {
    guard !request.record.isSending.exchange(true, ordering: .acquiring) else { return nil }
    defer { request.record.isSending.store(false, ordering: .releasing) }
    return body()
  }

  @inline(__always)
  private static func send(
    _ act: ResponsePart, _ exchange: Exchange, _ request: Request, _ connection: Connection, _ worker: Worker
  ) -> CallStatus {
    if connection.record.flags.contains(.broken) { return .closed }
    worker.refreshThreadDate()
    if case .head = act {
      Place.checkPeer(HTTP1Channel(worker, request))
      if exchange.mayPeerBeClosed { request.record.framer.followsDeparture = true }
    }
    worker.keepForLog(act, of: request)
    request.record.framer.encode(
      act.lending, version: request.record.parser.head.version,
      bounds: exchange.record.response.bounds,
      keepAlive: request.keepsConnection(behindWhole: act.isWholeAnswer) && !worker.isDraining,
      owner: 0, into: &connection.record.output, WorkerThread.current)
    switch act {
    case .head(_, _, _, whole: nil): return .ok  // held until the first byte of the body
    default:
      if request.record.framer.hasHead { request.record.headIsOut = true }
      if exchange.record.response.isComplete && request.record.framer.closes && request.record.framer.page == nil
        && HTTP1Channel(worker, request).bodyToCome() == 0
      {
        connection.record.flags.insert(.ends)
      }
      return drain(connection, request, exchange, worker)
    }
  }

  /// Sends the whole queue.
  private static func drain(
    _ connection: Connection, _ request: Request, _ exchange: Exchange, _ worker: Worker
  ) -> CallStatus {
    let timeout = worker.record.settings.timeouts.write
    let cutWake = worker.record.draining.cutWake.raw
    // The socket has not become writable for a while. The client may still be reading, since room is reported late.
    var isOverdue = false
    while true {
      let before = connection.record.output.sent
      switch connection.flushOutput(&WorkerThread.current.record.pool) {
      case .empty:
        // The queue is empty: the time until the next output does not count against the client.
        if request.record.stream.progress.isRunning { request.record.stream.progress.pause(Clock.monotonic()) }
        return .ok
      case .failed(let outcome):
        if outcome == .io { request.record.framer.abort(.unreadableFile) }
        return fail(connection, exchange, worker, outcome)
      case .blocked: break
      }
      if let why = exchange.cancelled {
        request.record.framer.abort(.cancelled)
        return fail(connection, exchange, worker, why)
      }
      let now = Clock.monotonic()
      request.record.stream.progress.resume(now)
      if connection.record.output.sent != before { request.record.stream.progress.flowed(now) }
      if isOverdue || request.record.stream.progress.isWindowOver(now, timeout: timeout) {
        request.record.stream.progress.took(worker.driver(connection).bytesTaken(), now)
      }
      if now >= worker.requestDeadline(request) { return fail(connection, exchange, worker, .cancelled) }
      guard
        case .fine(let moment) = request.record.stream.progress.judge(
          now, timeout: timeout, rate: worker.pace(of: request).minRate)
      else { return fail(connection, exchange, worker, .cancelled) }
      let deadline = min(
        moment, worker.requestDeadline(request), now &+ TransferProgress.checkInterval(timeout))
      guard Place.spools, request.record.pipe.maySpool, worker.record.spools.limit > 0 else {
        isOverdue = !WorkerThread.awaitClient { connection.wait(toWrite: true, deadline: deadline, cutWake) }
        continue
      }
      if request.record.pipe.spool == nil {
        let patience = min(deadline, now &+ Spool.patience)
        let isReady = WorkerThread.awaitClient { connection.wait(toWrite: true, deadline: patience, cutWake) }
        isOverdue = !isReady && patience == deadline
        if isReady || isOverdue { continue }
      }
      if spill(connection, request, worker) { return .ok }
      request.record.pipe.maySpool = false
    }
  }

  /// Moves unread output to a file, which the loop sends when the handler has returned; false if not all of it can be
  /// moved.
  private static func spill(_ connection: Connection, _ request: Request, _ worker: Worker) -> Bool {
    let pipe = request.record.pipe
    if pipe.spool == nil { pipe.spool = worker.record.spools.make(for: request) }
    guard let spool = pipe.spool, !connection.record.output.waitsForPlugin else { return false }
    // A small amount in the worker's own memory may stay there.
    if connection.record.output.lent == 0 && connection.record.output.count <= worker.record.settings.highWater {
      return true
    }
    let before = connection.record.output.count
    let isWhole = connection.record.output.spill(
      to: spool, keeps: true, limit: worker.record.spools.workerLimit, &WorkerThread.current.record.pool)
    worker.record.slot.addShared(.bytesSpooled, UInt64(before - connection.record.output.count))
    return isWhole
  }

  private static func fail(
    _ connection: Connection, _ exchange: Exchange, _ worker: Worker, _ outcome: CallStatus
  ) -> CallStatus {
    connection.record.flags.insert(.broken)
    connection.discardOutput(&WorkerThread.current.record.pool)
    exchange.cancel(outcome == .io ? .closed : outcome)
    return outcome
  }

  static func read(
    _ exchange: Exchange, _ buffer: UnsafeMutableRawPointer, _ capacity: Int, _ got: UnsafeMutablePointer<Int>
  ) -> CallStatus {
    let request = request(exchange)
    if let why = exchange.cancelled { return why }
    let outcome = claim(request, exchange) { unsafe receive(exchange, request, buffer, capacity, got) }
    return outcome ?? exchange.cancelled ?? .closed
  }

  private static func receive(
    _ exchange: Exchange, _ request: Request, _ buffer: UnsafeMutableRawPointer, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>
  ) -> CallStatus {
    let worker = Worker.current
    let channel = HTTP1Channel(worker, request)
    let usesPipe = request.record.usesPipe.load(ordering: .relaxed)
    let gathered = usesPipe ? unsafe request.record.pipe.takeGathered(buffer, capacity) : 0
    if gathered > 0 {
      channel.expectReading()
      unsafe got.pointee = gathered
      return .ok
    }
    channel.sendContinueDirectly()
    request.record.bodyProgress.resume(Clock.monotonic())
    defer { request.record.bodyProgress.pause(Clock.monotonic()) }
    while true {
      switch channel.nextBody(limit: capacity) {
      case .bytes(let bytes):
        request.record.bodyProgress.moved(bytes.count, Clock.monotonic())
        channel.expectReading()
        if let base = unsafe bytes.base { unsafe memcpy(buffer, base, bytes.count) }
        unsafe got.pointee = bytes.count
        return .ok
      case .end:
        exchange.record.bodyDelivered.store(true, ordering: .releasing)
        return .ok
      case .refused(let refusal):
        request.record.pendingRefusal = refusal
        return refusal == .bodyTooLarge ? .limit : .closed
      case .gone:
        // The server may have ended the connection.
        if let why = exchange.cancelled { return why }
        request.record.pendingRefusal = .truncatedBody
        return .closed
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
    let pace = worker.pace(of: request)
    let verdict = request.record.bodyProgress.judge(now, timeout: pace.body, rate: pace.minRate)
    switch verdict {
    case .fine(let moment):
      let deadline = min(moment, worker.requestDeadline(request))
      WorkerThread.awaitClient {
        _ = connection.wait(toWrite: false, deadline: deadline, worker.record.draining.cutWake.raw)
      }
      connection.record.flags.insert(.readable)
      return true
    case .stalled, .tooSlow:
      request.record.pendingRefusal = verdict.refusal
      exchange.cancel(.cancelled)
      return false
    }
  }

  static func probe(_ exchange: Exchange) {
    let request = request(exchange)
    Worker.current.notePeerClosed(of: request, ConnectedSocket.peerState(request.record.connection.record.fd))
  }
}

extension TransferProgress.Verdict {
  /// The refusal of a body that ended with this status.
  var refusal: Refusal {
    if case .tooSlow = self { return .belowMinimumRate }
    return .bodyTimeout
  }
}

extension ResponsePart {
  /// The same part with its memory lent: it is sent before the call returns, so only bytes that share a buffer with the
  /// head are copied.
  fileprivate var lending: ResponsePart {
    if case .body(let part, let fate) = self, part.total > BodyPart.copyLimit {
      return .body(part.uncopied, fate)
    }
    if case .head(let status, let fields, let verdict, let whole?) = self, whole.total > BodyPart.copyLimit {
      return .head(status: status, fields: fields, verdict: verdict, whole: whole.uncopied)
    }
    return self
  }
}
