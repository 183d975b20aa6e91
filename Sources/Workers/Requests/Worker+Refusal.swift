import HTTP
import Logging
import Platform
import PluginHost

// Answers of the server itself: refusals and failures.

extension Worker {
  /// Answers a request with the status of `refusal`, and logs it.
  func refuse(_ request: Request, _ refusal: Refusal) {
    if request.isStream { refuse(stream: request, refusal) } else { refuse(request.record.connection, refusal) }
  }

  /// Answers with the status of `refusal`, logs it, and goes on with the connection where that is safe.
  @inline(never)
  func refuse(_ connection: Connection, _ refusal: Refusal) {
    note(refusal, connection)
    let request = connection.record.request
    let head = request?.record.parser.head
    // After a malformed message nothing that follows can be trusted to be a request.
    let isHarmless: Bool
    switch refusal {
    case .noSuchMount, .handlerFailed, .handlerUnavailable, .pluginPaused, .requestTimeout: isHarmless = true
    default: isHarmless = false
    }
    let withBody = head?.traits.contains(.head) != true
    request?.record.answer.takesPage(refusal.status, bytes: withBody ? ErrorPage.length(refusal.status) : 0)
    let keeps = isHarmless && request?.mayKeepConnection == true && record.drain == .serving
    writePage(
      refusal, to: connection, version: head?.version ?? .http11,
      withBody: withBody, keepAlive: keeps)
    guard isHarmless, let request else {
      releaseRequest(connection)
      startClosing(connection)
      return
    }
    request.record.keepAlive = keeps
    endRequest(request)
  }

  /// Answers for a handler that has the request still; the connection ends when it gives that back.
  func refuseForHandler(_ request: Request, _ refusal: Refusal) {
    let connection = request.record.connection
    note(refusal, connection)
    let head = request.record.parser.head
    let withBody = !head.traits.contains(.head)
    request.record.answer.takesPage(refusal.status, bytes: withBody ? ErrorPage.length(refusal.status) : 0)
    writePage(refusal, to: connection, version: head.version, withBody: withBody, keepAlive: false)
    request.record.headIsOut = true
    connection.record.flags.insert(.ends)
    queue(connection)
  }

  private func writePage(
    _ refusal: Refusal, to connection: Connection, version: HTTPVersion, withBody: Bool, keepAlive: Bool
  ) {
    let status = refusal.status
    let length = Int64(ErrorPage.length(status))
    let option: ResponseEncoder.ConnectionOption? = keepAlive ? (version == .http10 ? .keepAlive : nil) : .close
    withFields(of: refusal, connection.record.request) { fields in
      let head = ResponseEncoder.FinalHead(
        status: status, fields: fields, framing: .length(length), verdict: FieldValidation.Verdict(), connection: option
      )
      let bound = ResponseEncoder.bound(fields: fields, fieldBytes: 96) + ErrorPage.bound
      connection.record.output.write(bound: bound, &record.thread.record.pool) { writer in
        ResponseEncoder.write(head, date: record.thread.record.date, to: &writer)
        if withBody { ErrorPage.write(status, to: &writer) }
      }
    }
  }

  /// The fields of a refusal beyond those of every answer: what its page is and, where that is known, when it is worth
  /// another try (RFC 9110 section 10.2.3).
  func withFields(of refusal: Refusal, _ request: Request?, _ use: (Fields) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var writer = unsafe ByteWriter(base: digits.baseAddress.unsafelyUnwrapped, capacity: digits.count)
      if refusal == .pluginPaused, let request {
        writer.append(decimal: record.pauses.secondsLeft(request.record.plugin, at: record.now))
      }
      let fields: InlineArray<2, Field> = [
        Field(name: Bytes("Content-Type"), value: Bytes(ErrorPage.contentType)),
        Field(name: Bytes("Retry-After"), value: unsafe Bytes(base: digits.baseAddress, count: writer.count)),
      ]
      unsafe fields.span.withUnsafeBufferPointer { buffer in
        use(unsafe Fields(base: buffer.baseAddress, count: writer.count == 0 ? 1 : 2))
      }
    }
  }

  /// Counts a refusal, and logs the first of a connection with the client's address.
  ///
  /// - Parameter cause: words for the log beyond those of the refusal.
  func note(_ refusal: Refusal, _ connection: Connection, because cause: String? = nil) {
    note(refusal, connection, connection.record.request, because: cause)
  }

  func note(_ refusal: Refusal, _ request: Request) { note(refusal, request.record.connection, request, because: nil) }

  private func note(_ refusal: Refusal, _ connection: Connection, _ request: Request?, because cause: String?) {
    record.slot.countRefusal(Int(refusal.rawValue))
    if refusal.outcome != .complete { request?.record.outcome = refusal.outcome }
    // Each of those that the server ends is told.
    if refusal.outcome == .cancelled {
      record.log.error("\(description(of: refusal, connection, request))")
      return
    }
    guard !connection.record.flags.contains(.complained) else { return }
    connection.record.flags.insert(.complained)
    // The master has told of it, once.
    if refusal == .pluginPaused { return }
    guard let heldBack = record.lines.admit(refusal, record.now) else { return }
    let reason = (cause.map { ": \($0)" } ?? "") + LineRate.note(heldBack)
    record.log.log(level: refusal.level, "\(description(of: refusal, connection, request))\(reason)")
  }

  /// Logs that a response does not reach its end, where its plugin is the reason.
  func noteCut(_ request: Request, _ reason: StaticString) {
    guard let heldBack = record.lines.admitCut(record.now) else { return }
    let connection = request.record.connection
    var line = "answer cut off to \(peer(of: connection)): \(reason)"
    describe(request, &line)
    record.log.error("\(line)\(LineRate.note(heldBack))")
  }

  /// Counts, and logs, that TLS on the connection has failed by a flood; once.
  func noteFlood(_ connection: Connection) {
    if connection.record.tls?.takeFlood() == true { note(.keyUpdateFlood, connection) }
  }

  /// A client as the log names it.
  func peer(of connection: Connection) -> String {
    let address = record.table.clientAddress(connection).escaped()
    return address.isEmpty ? "unix" : "\(address):\(connection.record.clientPort)"
  }

  private func description(of refusal: Refusal, _ connection: Connection, _ request: Request?) -> String {
    var what = refusal.isAnswered ? "\(refusal.status) to" : "reset to"
    if let answer = request?.record.answer, refusal.isAnswered, answer.hasHead || answer.isAborted {
      let isCut = answer.isAborted || refusal.outcome == .cancelled && request?.record.isRefused == false
      what = isCut ? "answer cut off to" : "answered all the same to"
    }
    var line = "\(what) \(peer(of: connection)): \(refusal.reason)"
    if let request { describe(request, &line) }
    return line
  }

  /// Which request it is: what it asks for, of which plugin, and its id.
  private func describe(_ request: Request, _ line: inout String) {
    if !request.head.method.isEmpty {
      line += " (\(request.head.method.escaped()) \(request.head.path.escaped(limit: 80)))"
    }
    let plugin = request.record.plugin
    guard plugin >= 0 else { return }
    line += " plugin=\(record.plugins[plugin].record.nameText)"
    if let id = shownID(of: request) { line += " request=\(id)" }
  }

  /// Its exchange may have ended: what is shown of it has its id still.
  private func shownID(of request: Request) -> String? {
    if let exchange = request.record.exchange { return exchange.requestID.escaped() }
    guard let number = request.record.flight, let flight = record.slot.flight(number).flight else { return nil }
    return LogText.escaped(flight.id)
  }
}
