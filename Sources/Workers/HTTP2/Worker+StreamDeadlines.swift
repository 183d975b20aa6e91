import HTTP
import Platform
import PluginHost

// Deadlines of HTTP/2: a connection stands in the wheel with the earliest of its own and its streams'.

extension Worker {
  /// Makes sure that `connection` is looked at by then.
  func lowerDeadline(_ connection: Connection, _ moment: UInt64) {
    if moment < connection.record.deadline { setDeadline(connection, moment) }
  }

  /// A deadline of a request that a plugin has.
  func setDeadline(of request: Request, _ moment: UInt64) {
    guard request.isStream else { return setDeadline(request.record.connection, moment) }
    request.record.stream.deadline = moment
    lowerDeadline(request.record.connection, moment)
  }

  /// The client has yet to take what waits: its pace is watched.
  func watchAnswer(_ request: Request) {
    if request.record.stream.progress.windowStart == 0 { request.record.stream.progress.begin(record.now) }
    let moment = nextLook(request.record.stream.progress)
    if moment < request.record.stream.deadline { setDeadline(of: request, moment) }
  }

  func expireHTTP2(_ connection: Connection) {
    guard let http2 = connection.record.http2 else { return }
    if outputIsLate(connection) {
      connection.record.flags.insert(.broken)
      return
    }
    let now = record.now
    if hasLateHead(http2) { return endLate(connection, http2) }
    if http2.record.shutdown == .announced { lowerDeadline(connection, max(http2.record.shutdownDeadline, now &+ 1)) }
    http2.visit { request in
      if now >= request.record.stream.deadline {
        request.record.stream.deadline = .max
        expire(stream: request)
      }
      lowerDeadline(connection, request.record.stream.deadline)
    }
    if http2.record.count == 0 {
      let deadline = http2.record.idleSince &+ record.settings.timeouts.keepalive
      if now >= deadline { refuseStreams(connection, http2) } else { lowerDeadline(connection, deadline) }
    }
  }

  /// Whether the head of a stream has been incomplete for too long: until it is complete, its deadline is the head's.
  private func hasLateHead(_ http2: HTTP2Connection) -> Bool {
    var isLate = false
    http2.visit { request in
      let isDue = record.now >= request.record.stream.deadline
      if isDue && !request.record.stream.flags.contains(.hasHead) { isLate = true }
    }
    return isLate
  }

  private func endLate(_ connection: Connection, _ http2: HTTP2Connection) {
    http2.record.session.terminate(HTTP2ErrorCode.enhanceYourCalm.rawValue)
    end(connection, http2, .headTimeout)
  }

  private func expire(stream request: Request) {
    if let exchange = request.record.exchange {
      expireExchange(request, exchange)
      // It may be gone now.
      guard request.isStream else { return }
    }
    guard !request.record.stream.output.isEmpty else { return }
    if !request.record.connection.record.output.isEmpty {
      // Not this stream's windows but the connection holds it back, and that is judged for itself.
      request.record.stream.progress.begin(record.now)
      return watchAnswer(request)
    }
    countTaken(request)
    switch request.record.stream.progress.judge(
      record.now, timeout: record.settings.timeouts.write, rate: record.settings.minRate)
    {
    case .fine: watchAnswer(request)
    case .stalled, .tooSlow: giveUpStalled(request)
    }
  }

  /// As long as the socket holds bytes of the stream, what the client takes of the connection is progress: of each byte of
  /// its answer once, whatever is framed around it.
  private func countTaken(_ request: Request) {
    let taken = bytesTaken(request.record.connection)
    let before = request.record.stream.takenBefore
    request.record.stream.takenBefore = taken
    var count = request.record.stream.onItsWay
    if taken < request.record.stream.framedTo {
      // What is seen first is what the others are held against.
      if before == .max { request.record.stream.progress.restartWindow(record.now) }
      count = before < taken ? Int(clamping: min(UInt64(count), taken &- before)) : 0
    }
    request.record.stream.onItsWay -= count
    request.record.stream.progress.moved(count, record.now)
  }

  /// The client keeps its windows shut.
  private func giveUpStalled(_ request: Request) {
    note(.stalledStream, request)
    request.record.exchange?.cancel(.cancelled)
    reset(stream: request, .cancel)
    request.record.stream.flags.insert(.closed)
    queue(request)
  }
}
