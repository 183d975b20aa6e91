import HTTP
import Platform
import PluginHost

// A WebSocket: an exchange whose request and response continue as frames. The bytes take the ways of bodies, with their
// windows, queues and leases, over either protocol; frames become events of the plugin here.

extension HTTPChannel {
  /// Delivers messages, one for each credit, and answers the client's control frames; true if the exchange has ended.
  @inline(never)
  func advanceWebSocket(_ exchange: Exchange, _ socket: WebSocket) -> Bool {
    if !socket.hasBegun { begin(socket, exchange) }
    if worker.record.draining.stage != .serving, socket.timing.restartAt == .max { planRestart(socket) }
    var budget = RequestBody.bytesPerTurn
    while !request.record.responseEnded, mayRead(exchange, socket) {
      guard budget > 0 else {
        // Other connections get their turn.
        queue()
        return false
      }
      if socket.hasRest {
        budget -= readRest(exchange, socket)
        continue
      }
      switch nextBody(limit: worker.record.settings.highWater) {
      case .bytes(let bytes):
        openWindow(by: bytes.count)
        budget -= bytes.count
        socket.timing.heard(worker.record.clock.now)
        let count = read(bytes, exchange, socket)
        if count < bytes.count { socket.keep(bytes.slice(count, bytes.count)) }
      case .wait: return wait(exchange, socket)
      case .end, .gone, .refused: return clientHasEnded(exchange, socket)
      }
      if isBroken { return true }
    }
    return request.record.responseEnded || wait(exchange, socket)
  }

  private func begin(_ socket: WebSocket, _ exchange: Exchange) {
    socket.hasBegun = true
    socket.timing.begin(worker.record.clock.now)
    // Over HTTP/1 all further bytes of the connection belong to the WebSocket; a stream of HTTP/2 has its frames.
    beginTunnel()
  }

  /// Without credit the client is not read, unless for its Close.
  private func mayRead(_ exchange: Exchange, _ socket: WebSocket) -> Bool {
    socket.peerCode == nil && (exchange.record.credit.load(ordering: .acquiring) > 0 || isClosing(exchange, socket))
  }

  private func isClosing(_ exchange: Exchange, _ socket: WebSocket) -> Bool {
    exchange.lockSending()
    defer { exchange.unlockSending() }
    return socket.hasSentClose
  }

  /// Nothing can be read now.
  private func wait(_ exchange: Exchange, _ socket: WebSocket) -> Bool {
    if isClosing(exchange, socket) { socket.timing.closed(worker.record.clock.now) }
    releaseReadMemory()
    setDeadline(socket.timing.next)
    return false
  }

  // MARK: Frames of the client

  /// The same for bytes that were kept. Returns how many are used up.
  private func readRest(_ exchange: Exchange, _ socket: WebSocket) -> Int {
    let rest = socket.rest
    let count = unsafe rest.withUnsafeBufferPointer { buffer in
      let bytes = unsafe Bytes(base: buffer.baseAddress, count: buffer.count)
      return read(bytes.slice(socket.restRead, bytes.count), exchange, socket)
    }
    socket.readRest(count)
    return count
  }

  /// Reads frames until the bytes are used up or there is no credit. Returns how many bytes are used up.
  private func read(_ bytes: Bytes, _ exchange: Exchange, _ socket: WebSocket) -> Int {
    var rest = bytes
    while !request.record.responseEnded, !isBroken, mayRead(exchange, socket) {
      let (consumed, step) = socket.reader.read(rest, into: &socket.message)
      rest = rest.slice(consumed, rest.count)
      switch step {
      case .incomplete: return bytes.count
      case .message(let kind): deliver(kind, more: false, exchange, socket)
      case .part(let kind): deliver(kind, more: true, exchange, socket)
      case .ping: answerPing(exchange, socket)
      case .pong: break
      case .close(let code, let hasCode): peerCloses(code, hasCode: hasCode, exchange, socket)
      case .failed(let failure): fail(failure, exchange, socket)
      }
    }
    return bytes.count - rest.count
  }

  private func deliver(_ kind: WebSocketReader.MessageKind, more: Bool, _ exchange: Exchange, _ socket: WebSocket) {
    socket.timing.used(worker.record.clock.now)
    // Behind our own Close nobody wants it.
    if !isClosing(exchange, socket) {
      exchange.record.credit.subtract(1, ordering: .acquiringAndReleasing)
      let cells = worker.record.slot.webSockets
      cells.add(.bytesReceived, UInt64(socket.message.count))
      if !more { cells.add(.messagesReceived) }
      exchange.deliverMessage(socket.message.bytes, isText: kind == .text, more: more)
    }
    socket.message.empty(keeping: 0)
  }

  /// A client that does not read gets no more pongs: it may send any number of pings.
  private func answerPing(_ exchange: Exchange, _ socket: WebSocket) {
    guard queuedCount <= worker.record.settings.highWater else { return }
    exchange.lockSending()
    socket.reader.withControlPayload { WebSocketWriter.control(exchange, WebSocketFrame.pong($0)) }
    exchange.unlockSending()
  }

  // MARK: The end

  private func peerCloses(_ code: UInt16, hasCode: Bool, _ exchange: Exchange, _ socket: WebSocket) {
    exchange.lockSending()
    socket.notePeerClose(UInt32(code))
    WebSocketWriter.hostClose(exchange, hasCode ? code : 0, .empty, byHost: false)
    exchange.unlockSending()
    socket.reader.withCloseReason { exchange.deliverClose(UInt32(code), $0, byHost: false) }
    end(exchange)
  }

  private func fail(_ failure: WebSocketFailure, _ exchange: Exchange, _ socket: WebSocket) {
    close(failure.code, Bytes(failure.reason), exchange, socket)
    exchange.deliverClose(UInt32(failure.code), Bytes(failure.reason), byHost: true)
    end(exchange)
  }

  /// Sends a Close of the host's own.
  private func close(_ code: UInt16, _ reason: Bytes, _ exchange: Exchange, _ socket: WebSocket) {
    exchange.lockSending()
    WebSocketWriter.hostClose(exchange, code, reason, byHost: true)
    exchange.unlockSending()
    socket.timing.closed(worker.record.clock.now)
    queue()
  }

  /// Nothing follows on our side.
  private func end(_ exchange: Exchange) {
    exchange.lockSending()
    WebSocketWriter.end(exchange)
    exchange.unlockSending()
    queue()
  }

  /// The client has ended its side. If a Close was sent, that is its answer.
  private func clientHasEnded(_ exchange: Exchange, _ socket: WebSocket) -> Bool {
    guard isClosing(exchange, socket) else {
      abortNow()
      return true
    }
    endUnanswered(exchange, socket)
    return true
  }

  /// The client has not answered our Close.
  private func endUnanswered(_ exchange: Exchange, _ socket: WebSocket) {
    exchange.lockSending()
    let (code, byHost) = (socket.ownCode ?? 0, socket.isClosedByHost)
    exchange.unlockSending()
    exchange.deliverClose(byHost ? code : UInt32(WebSocketCloseCode.absent), .empty, byHost: byHost)
    end(exchange)
  }

  // MARK: Deadlines

  /// What is due at a deadline of the WebSocket.
  func expireWebSocket(_ exchange: Exchange, _ socket: WebSocket) {
    let now = worker.record.clock.now
    switch socket.timing.due(now) {
    case .nothing: break
    case .ping:
      socket.timing.pinged(now)
      exchange.lockSending()
      WebSocketWriter.control(exchange, WebSocketFrame.ping())
      exchange.unlockSending()
      queue()
    case .pingMissed:
      worker.record.slot.webSockets.add(.pingsMissed)
      return abortNow()
    case .restart: close(WebSocketCloseCode.serviceRestart, Bytes("service restart"), exchange, socket)
    case .idle: close(WebSocketCloseCode.goingAway, Bytes("idle"), exchange, socket)
    case .closeUnanswered: return endUnanswered(exchange, socket)
    }
    setDeadline(socket.timing.next)
  }

  /// Spreads the ends over the first half of the time, so that clients do not come back all at once.
  private func planRestart(_ socket: WebSocket) {
    let now = worker.record.clock.now
    let deadline = worker.record.draining.deadline
    let span = deadline > now ? (deadline - now) / 2 : 0
    socket.timing.restartAt = now &+ (span == 0 ? 0 : UInt64.random(in: 0..<span))
  }
}
