import Configuration
import HTTP
import Platform
import PluginHost

// From a complete head to a plugin.

extension Worker {
  /// The head of `request` is complete: checks what the head decides, finds the plugin, and hands it over.
  @inline(__always)
  func begin(_ request: Request) {
    let connection = request.record.connection
    record.begun &+= 1
    record.slot.add(.requests)
    request.record.began = record.now
    request.record.decoder = BodyDecoder(request.record.parser.head.framing, limits: record.settings.limits)
    request.record.bodyEnded = request.record.decoder.hasEnded
    // A client that waits for leave to send its body may send it, or the next request, when it sees the answer begin:
    // which of them, nobody can know until leave is given.
    let isCertain = request.record.bodyEnded || !request.record.parser.head.traits.contains(.expectsContinue)
    request.record.keepAlive = isCertain && mayKeepConnection(after: request)

    if let refusal = record.hasCutRequests ? .gracefulTimeout : dispatch(request) { refuse(connection, refusal) }
  }

  /// Finds the plugin for a request of either protocol, and hands it over; or says why not.
  func dispatch(_ request: Request) -> Refusal? {
    if let refusal = assign(request, request.head) { return refusal }
    guard let exchange = request.record.exchange else { return .handlerUnavailable }
    // From here on the request may end at any moment, and its head with it.
    if exchange.record.isBlocking { startHandler(request, exchange) } else { openExchange(request, exchange) }
    return nil
  }

  /// Gives the request an exchange with its plugin; or says why not.
  ///
  /// - Parameter head: the request's own, wherever it stands.
  @inline(__always)
  private func assign(_ request: Request, _ head: borrowing RequestHead) -> Refusal? {
    if head.method.equals(Bytes("CONNECT")) { return .unsupportedMethod }
    if case .fixed(let length) = head.framing, length > record.settings.limits.body {
      return .bodyTooLarge
    }
    let decoded: Bytes
    do throws(PathFault) {
      decoded = try path(of: request, head.path)
    } catch {
      return error.refusal
    }
    guard let route = record.router.route(decoded) else { return .noSuchMount }
    if record.pauses.isPaused(route.plugin.record.number, at: record.now) {
      attribute(request, head.method, to: route.plugin)
      return .pluginPaused
    }

    let isBlocking =
      route.plugin.record.hasBlockingStyle && (!record.settings.model.isAsync || !route.plugin.record.hasEventStyle)
    guard
      let exchange = unsafe record.runtime.record.exchanges.open(
        plugin: route.plugin, transport: transport(request, isBlocking: isBlocking), connection: request.raw)
    else { return .handlerUnavailable }
    request.record.exchange = exchange
    attribute(request, head.method, to: route.plugin)
    exchange.record.isBlocking = isBlocking
    if let refusal = describe(request, head, to: exchange, path: route.path) {
      end(exchange, of: request, opened: false)
      return refusal
    }
    showFlight(of: request, head, exchange)
    return nil
  }

  private func transport(_ request: Request, isBlocking: Bool) -> UnsafePointer<ExchangeTransport> {
    let styles = request.isStream ? record.transports.http2 : record.transports.http1
    return isBlocking ? unsafe styles.blocking : unsafe styles.events
  }

  /// The decoded path: a part of the target where it decodes to itself.
  @inline(__always)
  private func path(of request: Request, _ path: Bytes) throws(PathFault) -> Bytes {
    if PathDecoding.isPlain(path) { return path }
    let room = unsafe request.record.storage.pathRoom(path.count)
    let count = try unsafe PathDecoding.decode(path, into: room)
    return unsafe Bytes(base: room, count: count)
  }

  /// Tells the exchange of its request; a refusal if a trusted proxy's word makes no sense.
  @inline(__always)
  private func describe(
    _ request: Request, _ head: borrowing RequestHead, to exchange: Exchange, path: Bytes
  ) -> Refusal? {
    let connection = request.record.connection
    let listener = record.listeners[Int(connection.record.listener)]
    exchange.begin(
      head,
      RequestCircumstances(
        path: path,
        client: RequestEndpoint(
          address: record.table.clientAddress(connection), port: connection.record.clientPort),
        server: RequestEndpoint(address: listener.serverAddress, port: listener.serverPort),
        requestID: requestID(request, head)))
    if connection.record.tls != nil { exchange.takeTLS(subject: connection.tlsSubject) }
    let isTold = head.traits.contains(.proxied)
    if isTold && connection.record.flags.contains(.trusted),
      let refusal = applyForwarding(head.fields, to: exchange)
    {
      return refusal
    }
    let limit = record.settings.timeouts.request
    if limit > 0 {
      exchange.setDeadline(request.record.began &+ limit)
      setDeadline(of: request, request.record.began &+ limit)
    }
    let proxied = listener.isUnix || isTold || connection.record.flags.contains(.proxied)
    let rules = record.settings.hints[Int(connection.record.listener)]
    var policy = rules.policy(version: head.version, traits: head.traits, proxied: proxied)
    if let http2 = connection.record.http2 { policy.maxListSize = http2.record.session.peerHeaderListSize }
    exchange.answer(head.version, hints: policy, proxied: proxied)
    if record.accessLog != nil { request.record.logged = LoggedCircumstances(exchange) }
    if proxied && !record.proxiedHintsExplained { explainWithheldHints(rules, head.version, head.traits) }
    return nil
  }

  /// Once in a worker's life: the operator should know why nobody behind a proxy gets hints.
  @inline(never)
  private func explainWithheldHints(_ rules: EarlyHintRules, _ version: HTTPVersion, _ traits: RequestTraits) {
    guard rules.isWithheldFromProxy(version: version, traits: traits, proxied: true) else { return }
    record.proxiedHintsExplained = true
    record.log.info(
      """
      requests come through a proxy: they get no 103 over HTTP/1.1, since nginx before 1.29 takes one for the final \
      response; early_hints.http1 = "on" sends them
      """)
  }

  // MARK: After the answer

  /// The answer is complete and the plugin is done with it: what becomes of the connection.
  @inline(__always)
  func endRequest(_ request: Request) {
    if request.isStream { return endStream(request) }
    let connection = request.record.connection
    if request.record.answer.isAborted { return cut(request) }
    // Where a refused body ends is not known, and what follows it is no request.
    let closes = request.record.answer.closes || !request.mayKeepConnection
    if closes || connection.record.flags.contains(.peerClosed) && !hasUnreadInput(connection) {
      // Whoever was not the one to ask for the close may have sent more (RFC 9112 section 9.6). Under sync, where others wait
      // meanwhile, that counts if it has come.
      let asked = !mayKeepConnection(after: request) && record.drain == .serving
      let hasMore = hasUnreadInput(connection) || connection.record.flags.contains(.readable)
      let lingering = !asked || !request.record.bodyEnded || hasMore
      if request.record.answer.endsByClose { connection.record.flags.insert(.endsBody) }
      releaseRequest(connection)
      startClosing(connection, lingering: lingering)
    } else if request.record.bodyEnded {
      nextRequest(connection)
    } else {
      connection.record.phase = .discarding
      setDeadline(connection, record.now &+ record.settings.timeouts.body)
    }
  }

  /// Whether client and model want it so.
  @inline(__always)
  func mayKeepConnection(after request: Request) -> Bool {
    record.settings.keepsConnections && request.record.parser.head.traits.contains(.keepAlive)
  }

  private func hasUnreadInput(_ connection: Connection) -> Bool { (connection.source?.unreadCount ?? 0) > 0 }

  /// The connection waits for its next request, which may have come already.
  @inline(__always)
  func nextRequest(_ connection: Connection) {
    // A thread may have given the request back some time ago, without a word.
    let idleSince = connection.record.request.map { $0.record.isAccounted ? $0.record.ended : record.now } ?? record.now
    releaseRequestInLine(connection)
    if let body = connection.record.body {
      // What follows the body in its buffer is the next request.
      if let input = connection.record.input { record.thread.record.pool.give(input) }
      connection.record.input = body
      connection.record.body = nil
    }
    if let input = connection.record.input, input.unreadCount == 0 {
      record.thread.record.pool.give(input)
      connection.record.input = nil
    }
    connection.record.phase = .idle
    setDeadline(connection, idleSince &+ record.settings.timeouts.keepalive)
  }

  /// Reads away what is left of a body nobody wants, within `limits.drain`; a larger rest closes the connection.
  @inline(never)
  func discardBody(_ connection: Connection) -> Bool {
    guard let request = connection.record.request else { return false }
    while true {
      switch nextBody(request) {
      case .bytes(let bytes):
        request.record.drained += bytes.count
        if request.record.drained > record.settings.drainLimit { return giveUpBody(connection) }
      case .end:
        nextRequest(connection)
        return true
      case .wait:
        if let rest = request.record.decoder.remainingLength, rest > Int64(record.settings.drainLimit) {
          return giveUpBody(connection)
        }
        if request.record.parser.head.traits.contains(.expectsContinue) && !request.record.continueSent {
          // The client still waits for leave to send: whether a body comes now can't be known.
          return giveUpBody(connection)
        }
        return false
      case .refused, .gone: return giveUpBody(connection)
      }
    }
  }

  private func giveUpBody(_ connection: Connection) -> Bool {
    releaseRequest(connection)
    startClosing(connection)
    return true
  }
}
