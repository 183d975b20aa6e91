import HTTP
import Platform
import PluginHost
import Synchronization

/// Event-style exchanges over HTTP/1. On the loop, parts become bytes in the connection's output. From another thread
/// they become bytes in the request's pipe, and the loop is woken.
enum EventHTTP1Sink {
  @inline(__always)
  static func perform(_ exchange: Exchange, _ act: UnsafePointer<ResponsePart>) -> CallStatus {
    let worker = Worker.current
    let request = unsafe Request(raw: exchange.record.transportContext)
    return worker.record.runtime.isOnLoop
      ? unsafe performOnLoop(exchange, request, worker, act)
      : unsafe EventSink<HTTP1Channel>.performElsewhere(exchange, request, worker, act.pointee)
  }

  /// - Parameter act: read in place, field by field as needed.
  @inline(__always)
  private static func performOnLoop(
    _ exchange: Exchange, _ request: Request, _ worker: Worker, _ act: UnsafePointer<ResponsePart>
  ) -> CallStatus {
    let connection = request.record.connection
    if connection.record.flags.contains(.broken) { return exchange.lose() }
    if request.record.usesPipe.load(ordering: .relaxed) { HTTP1Channel(worker, request).takeOverOutput() }
    let isUrgent = unsafe act.pointee.isUrgent
    if isUrgent && connection.record.output.count > worker.record.settings.highWater { return .skipped }
    if worker.record.accessLog != nil { unsafe worker.keepForLog(act.pointee, of: request) }
    let isServing = worker.record.draining.stage == .serving
    let leaseCount: Int
    if case .head(let status, let fields, let verdict, let whole) = unsafe act.pointee {
      // The common case: a head with its whole body.
      request.record.framer.encodeHead(
        status, fields, verdict, whole, version: request.record.parser.head.version,
        bounds: exchange.record.response.bounds,
        keepAlive: isServing && request.keepsConnection(behindWhole: whole != nil), owner: exchange.handle.id,
        into: &connection.record.output, worker.record.thread)
      leaseCount = whole?.leaseCount ?? 0
    } else {
      unsafe request.record.framer.encode(
        act.pointee, version: request.record.parser.head.version, bounds: exchange.record.response.bounds,
        keepAlive: isServing, owner: exchange.handle.id, into: &connection.record.output, worker.record.thread)
      leaseCount = unsafe act.pointee.leaseCount
    }
    if request.record.framer.hasHead { request.record.headIsOut = true }
    request.record.unsettled += leaseCount
    if exchange.record.response.isComplete { request.record.responseEnded = true }
    worker.driver(connection).queue()
    // Hints are useless later, and a long queue may as well be sent now.
    if isUrgent || connection.record.output.count > BufferPool.smallCapacity {
      worker.driver(connection).transmitOutlined()
    }
    if !request.record.responseEnded && connection.record.output.count > worker.record.settings.highWater {
      request.record.resumeDue = true
      return .pause
    }
    return .ok
  }
}
