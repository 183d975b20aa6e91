import Configuration
import HTTP
import Platform
import PluginHost

// From a complete head to a plugin.

extension HTTPChannel {
  /// Finds the plugin for a request of either protocol and hands the request over, or returns a refusal.
  @inline(never)
  func dispatch() -> Refusal? {
    // The head is passed as a view of the record, since it is large.
    if let refusal = assign(request.head) { return refusal }
    guard let exchange = request.record.exchange else { return .handlerUnavailable }
    // The request, and its head with it, may end at any moment from here on.
    if request.record.mode.isBlocking { startHandler(exchange) } else { openExchange(exchange) }
    return nil
  }

  /// Gives the request an exchange with its plugin, or returns a refusal.
  @inline(__always)
  private func assign(_ head: borrowing RequestHead) -> Refusal? {
    if head.method.equals(Bytes("CONNECT")) {
      let (traits, version) = (head.traits, head.version)
      guard version.isHTTP2 && traits.contains(.upgrade) else { return .unsupportedMethod }
    }
    if case .fixed(let length) = head.framing, length > worker.record.settings.limits.body {
      return .bodyTooLarge
    }
    let decoded: Bytes
    do throws(PathError) {
      decoded = try path(head.path)
    } catch {
      return error.refusal
    }
    guard let route = worker.record.router.route(decoded) else { return .noSuchMount }
    if worker.record.pausedPlugins.isPaused(route.plugin.record.number, at: worker.record.clock.now) {
      worker.attribute(request, head.method, to: route.plugin)
      return .pluginPaused
    }

    let sink = Self.sinks(worker.record.sinks).sink(for: route.plugin)
    guard
      let exchange = unsafe worker.record.runtime.record.exchanges.open(
        plugin: route.plugin, transport: sink.table, transportContext: request.raw)
    else { return .handlerUnavailable }
    request.record.exchange = exchange
    request.record.mode = sink.mode
    worker.attribute(request, head.method, to: route.plugin)
    exchange.record.isBlocking = sink.mode.isBlocking
    if let refusal = describe(head, to: exchange, path: route.path, isBareMount: route.isBareMount) { return refusal }
    worker.showFlight(of: request, head, exchange)
    return nil
  }

  /// The decoded path; a view of the target if decoding changes nothing.
  @inline(__always)
  private func path(_ path: Bytes) throws(PathError) -> Bytes {
    if PathDecoding.isPlain(path) { return path }
    let room = unsafe request.record.storage.pathRoom(path.count)
    let count = try unsafe PathDecoding.decode(path, into: room)
    return unsafe Bytes(base: room, count: count)
  }

  /// Fills in the exchange, or ends it and returns a refusal.
  @inline(__always)
  private func describe(
    _ head: borrowing RequestHead, to exchange: Exchange, path: Bytes, isBareMount: Bool
  ) -> Refusal? {
    let connection = request.record.connection
    let listener = worker.record.acceptor.listeners[Int(connection.record.listener)]
    exchange.begin(
      head,
      RequestContext(
        path: path, isBareMount: isBareMount,
        client: RequestEndpoint(
          address: worker.record.table.clientAddress(connection), port: connection.record.clientPort),
        server: RequestEndpoint(address: listener.serverAddress, port: listener.serverPort),
        requestID: worker.requestID(request, head)))
    if head.traits.contains(.upgrade), !admitWebSocket(head, exchange) { return .forbiddenOrigin }
    if connection.record.flags.contains(.secure) { worker.describeTLS(of: connection, to: exchange) }
    let isTold = head.traits.contains(.proxied)
    if isTold && connection.record.flags.contains(.trusted) {
      worker.applyForwarding(head.fields, of: request, to: exchange)
    }
    let limit = worker.pace(of: request).request
    if limit > 0 {
      exchange.setDeadline(request.record.began &+ limit)
      setDeadline(request.record.began &+ limit)
    }
    let proxied = listener.isUnix || isTold || connection.record.flags.contains(.proxied)
    let rules = worker.record.settings.hints[Int(connection.record.listener)]
    var policy = rules.policy(version: head.version, traits: head.traits, proxied: proxied)
    if !worker.record.settings.navigationHints.isEmpty { narrow(&policy, head.fields) }
    limitHints(&policy)
    exchange.prepareResponse(head.version, hints: policy, proxied: proxied)
    if worker.record.accessLog != nil { request.record.logContext = LogContext(exchange) }
    if proxied && worker.record.logLimits.mayExplainHints { explainWithheldHints(rules, head.version, head.traits) }
    return nil
  }

  /// Shows a handshake of WebSocket to a plugin that can accept it; false, and the exchange has ended, if its origin is not
  /// allowed.
  @inline(never)
  private func admitWebSocket(_ head: borrowing RequestHead, _ exchange: Exchange) -> Bool {
    guard worker.record.settings.webSocket != nil, WebSocketHandshake.isValid(head) else { return true }
    guard isFromAllowedOrigin(head.fields) else {
      finishExchange(exchange, opened: false)
      return false
    }
    if request.record.mode == .events { exchange.setWebSocketHandshake() }
    return true
  }

  /// Whether the page that opens a WebSocket may do so (RFC 6455 section 10.2). Clients that are no browsers send no Origin.
  private func isFromAllowedOrigin(_ fields: Fields) -> Bool {
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase("origin") {
      if !worker.record.settings.webSocketOrigins.contains(fields[index].value.escaped()) { return false }
    }
    return true
  }

  /// Where only navigations get hints, suppresses those of other requests. Browsers mark navigations.
  @inline(never)
  private func narrow(_ policy: inout EarlyHintPolicy, _ fields: Fields) {
    let plugins = worker.record.settings.navigationHints[Int(request.record.connection.record.listener)]
    guard plugins[request.record.plugin] else { return }
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase("sec-fetch-mode") {
      if !fields[index].value.equals(Bytes("navigate")) { policy.allowed = false }
      return
    }
    policy.allowed = false
  }

  /// Logs once in a worker's life why clients behind a proxy get no hints.
  @inline(never)
  private func explainWithheldHints(_ rules: EarlyHintRules, _ version: HTTPVersion, _ traits: RequestTraits) {
    guard rules.isWithheldFromProxy(version: version, traits: traits, proxied: true) else { return }
    worker.record.logLimits.noteHintsExplained()
    worker.record.log.info(
      """
      requests come through a proxy: they get no 103 over HTTP/1.1, since nginx before 1.29 takes one for the final \
      response; early_hints.http1 = "on" sends them
      """)
  }
}
