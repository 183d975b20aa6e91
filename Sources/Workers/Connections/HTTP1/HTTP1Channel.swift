import HTTP
import Platform
import PluginHost

/// The current request of an HTTP/1 connection, and its response.
struct HTTP1Channel: HTTPChannel {
  let worker: Worker
  let request: Request

  @inline(__always)
  init(_ worker: Worker, _ request: Request) {
    self.worker = worker
    self.request = request
  }

  @inline(__always)
  var connection: Connection { request.record.connection }
  @inline(__always)
  private var http1: HTTP1Connection { HTTP1Connection(worker, connection) }

  @inline(__always)
  static func sinks(_ sinks: Sinks) -> Sinks.Styles { sinks.http1 }
  static var returnsSilently: Bool { true }

  // MARK: The request

  /// Handles a complete head: decides about keep-alive, finds the plugin, and hands the request over.
  @inline(__always)
  func begin() {
    worker.record.recycling.begun &+= 1
    worker.record.slot.add(.requests)
    request.record.began = worker.record.clock.now
    request.record.decoder = BodyDecoder(request.record.parser.head.framing, limits: worker.record.settings.limits)
    request.record.bodyEnded = request.record.decoder.hasEnded
    let isKept = mayKeepConnection() && (request.record.bodyEnded || canReachEnd())
    request.record.keepAlive = isKept ? .yes : .no
    let refusal = worker.record.draining.hasCutRequests ? .gracefulTimeout : dispatch()
    if let refusal { http1.refuse(refusal) }
  }

  var isHalfClosed: Bool { connection.record.flags.contains(.peerClosed) }

  // HTTP/1 has no windows.
  func openWindow(by count: Int) {}

  /// Whether the client's head and the worker model allow keep-alive.
  @inline(__always)
  func mayKeepConnection() -> Bool {
    worker.record.settings.keepsConnections && request.record.parser.head.traits.contains(.keepAlive)
  }

  // MARK: The response

  var isBroken: Bool { connection.record.flags.contains(.broken) }
  var queuedCount: Int { connection.record.output.count }
  var hasQueuedOutput: Bool { !connection.record.output.isEmpty }
  var hasSentAll: Bool { request.record.responseEnded && connection.record.output.isEmpty }
  // A connection has only one response at a time.
  var isCrowded: Bool { false }

  func limitHints(_ policy: inout EarlyHintPolicy) {}

  func takeOver(_ output: inout OutputQueue) { connection.record.output.append(&output) }

  func flush() { http1.flush() }

  func releaseLeases() { http1.releaseLeases() }

  func discardOutput() {
    connection.discardOutput(&worker.record.thread.record.pool)
    releaseLeases()
  }

  func releaseLent() {
    connection.discardLent(&worker.record.thread.record.pool)
    releaseLeases()
  }

  /// Output has been sent: an exchange may wait for room.
  @inline(never)
  func outputDrained(_ count: Int) {
    if request.record.resumeDue && count <= worker.record.settings.highWater / 2 { queue() }
    publishOutput(count)
  }

  // MARK: Turns and deadlines

  func queue() { driver.queue() }

  @inline(__always)
  func setDeadline(_ moment: UInt64) { driver.setDeadline(moment) }

  // MARK: The end

  @inline(__always)
  func finish() {
    if request.record.framer.isAborted { return abort() }
    if mayBeUnsent() { sendRest() } else { finishSent() }
  }

  /// The response has been sent, or is being sent: decides what follows on the connection.
  @inline(__always)
  func finishSent() {
    let sendsNoMore = connection.record.flags.contains(.peerClosed)
    if sendsNoMore { noteLossAfterHalfClose() }
    switch ResponseEnd(
      // The end of a refused body is unknown, so that no request can be found behind it.
      closes: request.record.framer.closes || !request.mayKeepConnection, isHalfClosed: sendsNoMore,
      bodyEnded: request.record.bodyEnded, hasInput: mayHaveInput,
      isClientsWish: !mayKeepConnection() && worker.record.draining.stage == .serving)
    {
    case .nextRequest: http1.nextRequest()
    case .discardBody:
      connection.move(.bodyLeft)
      request.record.bodyProgress.resume(worker.record.clock.now)
      setDeadline(request.record.bodyProgress.nextJudgement(timeout: worker.pace(of: request).body))
    case .close(let lingers):
      if request.record.framer.endsByClose { connection.record.flags.insert(.endsBody) }
      finishConnection(lingering: lingers)
    }
  }

  /// More than the request has been read, or may be in the socket: a client that has closed its side may have pipelined
  /// others.
  @inline(__always)
  private var mayHaveInput: Bool {
    (connection.source?.unreadCount ?? 0) > 0 || connection.record.flags.contains(.readable)
  }

  func abort() {
    if request.record.outcome == .complete && request.record.framer.cut == nil { request.record.outcome = .truncated }
    let driver = self.driver
    // If the body ends with the connection, only a reset tells the client that the body is incomplete.
    if request.record.framer.endsByClose { connection.record.flags.insert(.resets) }
    driver.releaseRequest()
    driver.finish()
  }

  func abortNow() { connection.record.flags.insert(.broken) }

  func refuse(_ refusal: Refusal) { http1.refuse(refusal) }

  /// The connection ends when the handler has returned.
  func refuseInHandlersPlace(_ refusal: Refusal) {
    worker.note(refusal, connection)
    let head = request.record.parser.head
    let withBody = !head.traits.contains(.head)
    request.record.framer.takesPage(refusal.status, bytes: withBody ? ErrorPage.length(refusal.status) : 0)
    http1.writePage(refusal, version: head.version, withBody: withBody, keepAlive: false)
    request.record.headIsOut = true
    if bodyToCome() == 0 { connection.record.flags.insert(.ends) }
    queue()
  }

  // `Worker.logUnsent` logs that for the whole connection.
  func noteCutOff() {}

  func finishRefused() { finishConnection() }
}
