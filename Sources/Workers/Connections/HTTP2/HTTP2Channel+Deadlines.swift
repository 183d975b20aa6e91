import HTTP
import Platform
import PluginHost

// Deadlines of a stream.

extension HTTP2Channel {
  /// Whether the response waits for the client. Either output of the stream is queued, or the output of other streams
  /// leaves no room for it.
  var waitsForClient: Bool { !request.record.stream.output.isEmpty || request.record.resumeDue }

  /// Watches the pace at which the client reads the queued output.
  func superviseResponse() {
    if request.record.stream.progress.windowStart == 0 { request.record.stream.progress.begin(worker.record.clock.now) }
    let moment = min(driver.nextOutputCheck(request.record.stream.progress), responseDeadline)
    if moment < request.record.stream.deadline { setDeadline(moment) }
  }

  /// The deadline of `timeouts.request` once the plugin is done with the request; `.max` if another deadline applies.
  private var responseDeadline: UInt64 {
    request.record.exchange == nil && request.record.outcome == .complete ? worker.requestDeadline(request) : .max
  }

  /// - Parameter isHeldBack: whether framed output of the connection is waiting for the client.
  func expire(isHeldBack: Bool) {
    let id = request.record.stream.id
    if request.record.stream.flags.contains(.discarding) { return refuseRest() }
    if let exchange = request.record.exchange {
      let wasFinished = request.record.stream.flags.contains(.finished)
      let waited = waitsForClient
      expireExchange(exchange)
      // The stream may have ended meanwhile.
      guard request.record.stream.id == id else { return }
      // The server has just answered in the plugin's place: the client has had no time to read that.
      if !wasFinished && request.record.stream.flags.contains(.finished) { return }
      // Nor that to read what it has just sent to a WebSocket.
      if !waited { return }
    }
    guard waitsForClient else { return }
    if worker.record.clock.now >= responseDeadline {
      request.record.framer.abort(.cancelled)
      return abortStalled(.requestTimeout)
    }
    if isHeldBack {
      // The connection holds the stream back, not the stream's window, and has a deadline of its own.
      request.record.stream.progress.begin(worker.record.clock.now)
      return superviseResponse()
    }
    if request.record.stream.output.isEmpty { return expireCrowded() }
    countTaken()
    switch request.record.stream.progress.judge(
      worker.record.clock.now, timeout: worker.record.settings.timeouts.write, rate: worker.pace(of: request).minRate)
    {
    case .fine: superviseResponse()
    case .stalled, .tooSlow: abortStalled(.stalledStream)
    }
  }

  /// Other streams of the connection take up the room: the stream is stalled only if none of them makes progress.
  private func expireCrowded() {
    let framed = http2?.record.framedAt ?? 0
    let last = max(framed, request.record.stream.progress.lastByte)
    if worker.record.clock.now >= last &+ worker.record.settings.timeouts.write { return abortStalled(.stalledStream) }
    request.record.stream.progress.begin(last)
    superviseResponse()
  }

  /// While the socket holds bytes of the stream, bytes that the client reads from the connection count as progress. No
  /// byte of the response counts twice, and the bytes framed around it do not count.
  private func countTaken() {
    let taken = driver.bytesTaken()
    let before = request.record.stream.takenBefore
    request.record.stream.takenBefore = taken
    var count = request.record.stream.onItsWay
    if taken < request.record.stream.framedTo {
      // The first reading is the reference for later ones.
      if before == .max { request.record.stream.progress.restartWindow(worker.record.clock.now) }
      count = before < taken ? Int(clamping: min(UInt64(count), taken &- before)) : 0
    }
    request.record.stream.onItsWay -= count
    request.record.stream.progress.moved(count, worker.record.clock.now)
  }

  /// Aborts a stream whose client does not open its window.
  private func abortStalled(_ refusal: Refusal) {
    worker.note(refusal, request)
    request.record.exchange?.cancel(.cancelled)
    abort(.cancel)
    request.record.stream.flags.insert(.closed)
    queue()
  }
}
