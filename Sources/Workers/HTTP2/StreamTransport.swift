import HTTP
import Platform
import PluginHost
import Synchronization

/// Event-style exchanges over HTTP/2, called on the loop: acts become sections and bytes of the stream. From another
/// thread they take the way of every exchange, the request's lane.
enum StreamTransport {
  nonisolated(unsafe) static let table = unsafe LoopTransport.makeTable { raw, act in
    unsafe StreamTransport.perform(Exchange(raw: raw), act.assumingMemoryBound(to: ResponseAct.self).pointee).code
  }

  private static func perform(_ exchange: Exchange, _ act: ResponseAct) -> Outcome {
    let worker = Worker.current
    let request = unsafe Request(raw: exchange.record.connection)
    guard worker.record.runtime.isOnLoop else {
      return LoopTransport.performElsewhere(exchange, request, worker, act)
    }
    if request.isBroken { return .closed }
    if request.record.usesLane.load(ordering: .relaxed) { worker.takeOverOutput(request) }
    let settings = worker.record.settings
    let connection = request.record.connection
    if case .informational = act, connection.record.output.count > settings.highWater { return .skipped }
    worker.keepForLog(act, of: request)
    request.record.answer.encode(
      act, version: .http2, bounds: exchange.record.response.bounds, keepAlive: true, owner: exchange.handle.id,
      into: &request.record.stream.output, worker.record.thread)
    if request.record.answer.hasHead { request.record.headIsOut = true }
    request.record.unsettled += act.leaseCount
    if exchange.record.response.isComplete { request.record.answered = true }
    worker.queue(request)
    // A hint is worth nothing later, and what piles up may as well go.
    if act.isUrgent || request.record.stream.output.count > BufferPool.smallCapacity {
      worker.submit(request)
      worker.produce(connection)
      worker.transmit(connection)
    }
    connection.record.http2?.countOutput(of: request, limit: settings.outputLimit)
    let present = request.record.stream.output.count
    let isFull = present > settings.highWater || present > Request.streamShare && request.isCrowded
    guard isFull && !request.record.answered else { return .ok }
    request.record.resumeDue = true
    request.record.stream.refusedBytes = 0
    return .pause
  }
}
