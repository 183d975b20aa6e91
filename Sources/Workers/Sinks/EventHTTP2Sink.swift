import HTTP
import Platform
import PluginHost
import Synchronization

/// Event-style exchanges over HTTP/2. On the loop, parts become sections and bytes in the stream's output. From another
/// thread they go through the request's pipe.
enum EventHTTP2Sink {
  static func perform(_ exchange: Exchange, _ act: ResponsePart) -> CallStatus {
    let worker = Worker.current
    let request = unsafe Request(raw: exchange.record.transportContext)
    let channel = HTTP2Channel(worker, request)
    guard worker.record.runtime.isOnLoop else {
      return EventSink<HTTP2Channel>.performElsewhere(exchange, request, worker, act)
    }
    if channel.isBroken { return exchange.lose() }
    if request.record.usesPipe.load(ordering: .relaxed) { channel.takeOverOutput() }
    let settings = worker.record.settings
    let connection = request.record.connection
    if case .informational = act, connection.record.output.count > settings.highWater { return .skipped }
    worker.keepForLog(act, of: request)
    request.record.framer.encode(
      act, version: .http2, bounds: exchange.record.response.bounds, keepAlive: true, owner: exchange.handle.id,
      into: &request.record.stream.output, worker.record.thread)
    if request.record.framer.hasHead { request.record.headIsOut = true }
    request.record.unsettled += act.leaseCount
    if exchange.record.response.isComplete { request.record.responseEnded = true }
    channel.queue()
    // Hints are useless later, and a long queue may as well be sent now.
    if act.isUrgent || request.record.stream.output.count > BufferPool.smallCapacity {
      channel.submit()
      channel.http2?.produce()
      worker.driver(connection).transmitOutlined()
    }
    connection.record.http2?.countOutput(of: request, limit: settings.outputLimit)
    let present = request.record.stream.output.count
    let isFull = present > settings.highWater || present > Request.streamShare && channel.isCrowded
    guard isFull && !request.record.responseEnded else { return .ok }
    request.record.resumeDue = true
    request.record.stream.refusedBytes = 0
    return .pause
  }
}
