import HTTP
import Platform
import PluginHost
import Synchronization

/// Event-style exchanges over HTTP/1: on the loop, acts become bytes of the connection; from another thread, bytes of
/// the request's lane, and the loop is woken. For HTTP/2 see `StreamTransport`.
enum LoopTransport {
  nonisolated(unsafe) static let table = unsafe makeTable { raw, act in
    unsafe LoopTransport.perform(Exchange(raw: raw), act.assumingMemoryBound(to: ResponseAct.self)).code
  }

  /// What event-style exchanges of both protocols have in common; made once for each, and never changed.
  static func makeTable(perform: @escaping ExchangeTransport.Perform) -> UnsafePointer<ExchangeTransport> {
    let table = UnsafeMutablePointer<ExchangeTransport>.allocate(capacity: 1)
    unsafe table.initialize(
      to: ExchangeTransport(
        admit: { unsafe LoopTransport.admit(Exchange(raw: $0), $1).code },
        perform: perform,
        read: { _, _, _, _ in Outcome.unsupported.code },
        attend: { unsafe LoopTransport.attend(Exchange(raw: $0)) },
        probe: { _ in }))
    return unsafe UnsafePointer(table)
  }

  private static func request(_ exchange: Exchange) -> Request { unsafe Request(raw: exchange.record.connection) }

  /// Bytes that are queued already, wherever they stand.
  static func queued(_ request: Request, _ worker: Worker) -> Int {
    guard worker.record.runtime.isOnLoop else { return queuedElsewhere(request) }
    if request.record.usesLane.load(ordering: .relaxed) { worker.takeOverOutput(request) }
    return request.queuedCount
  }

  @inline(never)
  private static func queuedElsewhere(_ request: Request) -> Int {
    let lane = request.record.lane
    lane.monitor.lock()
    defer { lane.monitor.unlock() }
    return lane.output.count + lane.loopCount
  }

  static func admit(_ exchange: Exchange, _ bytes: Int) -> Outcome {
    let worker = Worker.current
    let request = request(exchange)
    let limit = worker.record.settings.outputLimit
    guard bytes <= limit else { return .limit }
    let present = queued(request, worker)
    if request.isCrowded && present + bytes > Request.streamShare {
      promiseResume(request, worker, refused: bytes)
      return .again
    }
    if present + bytes <= limit { return .ok }
    promiseResume(request, worker, refused: bytes)
    return .again
  }

  @inline(__always)
  private static func perform(_ exchange: Exchange, _ act: UnsafePointer<ResponseAct>) -> Outcome {
    let worker = Worker.current
    let request = request(exchange)
    return worker.record.runtime.isOnLoop
      ? unsafe performOnLoop(exchange, request, worker, act)
      : unsafe performElsewhere(exchange, request, worker, act.pointee)
  }

  /// - Parameter act: read where it stands, part by part as it is needed.
  @inline(__always)
  private static func performOnLoop(
    _ exchange: Exchange, _ request: Request, _ worker: Worker, _ act: UnsafePointer<ResponseAct>
  ) -> Outcome {
    let connection = request.record.connection
    if connection.record.flags.contains(.broken) { return .closed }
    if request.record.usesLane.load(ordering: .relaxed) { worker.takeOverOutput(request) }
    let isUrgent = unsafe act.pointee.isUrgent
    if isUrgent && connection.record.output.count > worker.record.settings.highWater { return .skipped }
    if worker.record.accessLog != nil { unsafe worker.keepForLog(act.pointee, of: request) }
    let keepAlive = request.mayKeepConnection && worker.record.drain == .serving
    let leaseCount: Int
    if case .head(let status, let fields, let verdict, let whole) = unsafe act.pointee {
      // Most answers are no more than that.
      request.record.answer.encodeHead(
        status, fields, verdict, whole, version: request.record.parser.head.version,
        bounds: exchange.record.response.bounds, keepAlive: keepAlive, owner: exchange.handle.id,
        into: &connection.record.output, worker.record.thread)
      leaseCount = whole?.leaseCount ?? 0
    } else {
      unsafe request.record.answer.encode(
        act.pointee, version: request.record.parser.head.version, bounds: exchange.record.response.bounds,
        keepAlive: keepAlive, owner: exchange.handle.id, into: &connection.record.output, worker.record.thread)
      leaseCount = unsafe act.pointee.leaseCount
    }
    if request.record.answer.hasHead { request.record.headIsOut = true }
    request.record.unsettled += leaseCount
    if exchange.record.response.isComplete { request.record.answered = true }
    worker.queue(connection)
    // A hint is worth nothing later, and what piles up may as well go.
    if isUrgent || connection.record.output.count > BufferPool.smallCapacity {
      worker.transmit(connection)
    }
    if !request.record.answered && connection.record.output.count > worker.record.settings.highWater {
      request.record.resumeDue = true
      return .pause
    }
    return .ok
  }

  @inline(never)
  static func performElsewhere(
    _ exchange: Exchange, _ request: Request, _ worker: Worker, _ act: ResponseAct
  ) -> Outcome {
    let lane = request.record.lane
    request.record.usesLane.store(true, ordering: .releasing)
    lane.monitor.lock()
    defer {
      lane.monitor.unlock()
      worker.record.mailbox.post(request, worker.record.runtime)
    }
    let settings = worker.record.settings
    if case .informational = act, lane.output.count + lane.loopCount > settings.highWater { return .skipped }
    worker.keepForLog(act, of: request)
    WorkerThread.withCurrent { thread in
      request.record.answer.encode(
        act, version: request.head.version,
        bounds: exchange.record.response.bounds, keepAlive: request.record.keepAlive && !worker.isDraining,
        owner: exchange.handle.id, into: &lane.output, thread)
    }
    lane.unsettled += act.leaseCount
    if exchange.record.response.isComplete { lane.ended = true }
    let present = lane.output.count + lane.loopCount
    if !lane.ended && (present > settings.highWater || present > Request.streamShare && request.isCrowded) {
      lane.resumeDue = true
      lane.refusedBytes = 0
      return .pause
    }
    return .ok
  }

  /// - Parameter refused: how many bytes have no room.
  @inline(never)
  private static func promiseResume(_ request: Request, _ worker: Worker, refused: Int) {
    if worker.record.runtime.isOnLoop {
      request.record.resumeDue = true
      request.record.stream.refusedBytes = refused
      worker.queue(request)
    } else {
      let lane = request.record.lane
      request.record.usesLane.store(true, ordering: .releasing)
      lane.monitor.lock()
      lane.resumeDue = true
      lane.refusedBytes = refused
      lane.monitor.unlock()
      worker.record.mailbox.post(request, worker.record.runtime)
    }
  }

  static func attend(_ exchange: Exchange) {
    let worker = Worker.current
    let request = request(exchange)
    if worker.record.runtime.isOnLoop {
      worker.queue(request)
    } else {
      worker.record.mailbox.post(request, worker.record.runtime)
    }
  }
}

extension ResponseAct {
  /// How many segments will have to be settled: leases that outlive the call, and tags.
  var leaseCount: Int {
    switch self {
    case .head(_, _, _, let whole?): whole.leaseCount
    case .body(let part, _): part.leaseCount
    case .file(let part, let fate): fate.isDropped || part.length == 0 ? part.idleLeaseCount : 1
    default: 0
    }
  }

  /// Wants to be sent before anything else is done.
  var isUrgent: Bool {
    if case .informational = self { return true }
    return false
  }
}

extension BodyPart {
  fileprivate var leaseCount: Int { lease.outlivesCall || tag != 0 ? 1 : 0 }
}

extension FilePart {
  fileprivate var idleLeaseCount: Int { lease.outlivesCall || tag != 0 ? 1 : 0 }
}
