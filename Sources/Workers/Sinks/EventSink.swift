import HTTP
import IPC
import Platform
import PluginHost
import Synchronization

/// Shared by the event-style sinks of both protocols: whether there is room, and parts from other threads, which become
/// bytes in the request's pipe.
enum EventSink<Channel: HTTPChannel> {
  private static func request(_ exchange: Exchange) -> Request { unsafe Request(raw: exchange.record.transportContext) }

  /// The bytes that are already queued, in any queue.
  private static func queued(_ request: Request, _ worker: Worker) -> Int {
    guard worker.record.runtime.isOnLoop else { return queuedElsewhere(request) }
    let channel = Channel(worker, request)
    if request.record.usesPipe.load(ordering: .relaxed) { channel.takeOverOutput() }
    return channel.queuedCount
  }

  @inline(never)
  private static func queuedElsewhere(_ request: Request) -> Int {
    let pipe = request.record.pipe
    pipe.monitor.lock()
    defer { pipe.monitor.unlock() }
    return pipe.output.count + pipe.loopCount
  }

  static func admit(_ exchange: Exchange, _ bytes: Int) -> CallStatus {
    let worker = Worker.current
    let request = request(exchange)
    let limit = worker.record.settings.outputLimit
    guard bytes <= limit else { return .limit }
    let present = queued(request, worker)
    if Channel(worker, request).isCrowded && present + bytes > Request.streamShare {
      promiseResume(request, worker, refused: bytes)
      return .again
    }
    if present + bytes <= limit { return .ok }
    promiseResume(request, worker, refused: bytes)
    return .again
  }

  @inline(never)
  static func performElsewhere(
    _ exchange: Exchange, _ request: Request, _ worker: Worker, _ act: ResponsePart
  ) -> CallStatus {
    let pipe = request.record.pipe
    request.record.usesPipe.store(true, ordering: .releasing)
    pipe.monitor.lock()
    defer {
      pipe.monitor.unlock()
      worker.record.mailbox.post(request, worker.record.runtime)
    }
    let settings = worker.record.settings
    if case .informational = act, pipe.output.count + pipe.loopCount > settings.highWater { return .skipped }
    worker.keepForLog(act, of: request)
    WorkerThread.withCurrent { thread in
      request.record.framer.encode(
        act, version: request.head.version,
        bounds: exchange.record.response.bounds,
        keepAlive: request.keepsConnection(behindWhole: act.isWholeAnswer) && !worker.isDraining,
        owner: exchange.handle.id, into: &pipe.output, thread)
    }
    pipe.unsettled += act.leaseCount
    if exchange.record.response.isComplete { pipe.ended = true }
    let present = pipe.output.count + pipe.loopCount
    if !pipe.ended
      && (present > settings.highWater || present > Request.streamShare && Channel(worker, request).isCrowded)
    {
      pipe.resumeDue = true
      pipe.refusedBytes = 0
      return .pause
    }
    return .ok
  }

  /// - Parameter refused: how many bytes had no room.
  @inline(never)
  private static func promiseResume(_ request: Request, _ worker: Worker, refused: Int) {
    if worker.record.runtime.isOnLoop {
      request.record.resumeDue = true
      request.record.stream.refusedBytes = refused
      Channel(worker, request).queue()
    } else {
      let pipe = request.record.pipe
      request.record.usesPipe.store(true, ordering: .releasing)
      pipe.monitor.lock()
      pipe.resumeDue = true
      pipe.refusedBytes = refused
      pipe.monitor.unlock()
      worker.record.mailbox.post(request, worker.record.runtime)
    }
  }

  static func attend(_ exchange: Exchange) {
    let worker = Worker.current
    let request = request(exchange)
    if worker.record.runtime.isOnLoop {
      Channel(worker, request).queue()
    } else {
      worker.record.mailbox.post(request, worker.record.runtime)
    }
  }
}

extension ResponsePart {
  /// How many segments will have to be settled: leases that outlast the call, and tags.
  var leaseCount: Int {
    switch self {
    case .head(_, _, _, let whole?): whole.leaseCount
    case .body(let part, _): part.leaseCount
    case .file(let part, let fate): fate.isDropped || part.length == 0 ? part.idleLeaseCount : 1
    default: 0
    }
  }

  /// The head of a response together with its whole body.
  var isWholeAnswer: Bool {
    if case .head(_, _, _, whole: .some) = self { return true }
    return false
  }

  /// The part has to be sent at once.
  var isUrgent: Bool {
    if case .informational = self { return true }
    return false
  }
}

extension BodyPart {
  var leaseCount: Int { lease.outlivesCall || tag != 0 ? 1 : 0 }
}

extension FilePart {
  fileprivate var idleLeaseCount: Int { lease.outlivesCall || tag != 0 ? 1 : 0 }
}
