import HTTP
import PluginHost

// Responses that the server itself sends over HTTP/1.

extension HTTP1Connection {
  /// Answers with the status of `refusal`, logs it, and continues with the connection if that is safe.
  @inline(never)
  func refuse(_ refusal: Refusal) {
    worker.note(refusal, connection)
    let request = connection.record.request
    let head = request?.record.parser.head
    // After a malformed message nothing that follows can be trusted to be a request.
    let isHarmless: Bool
    switch refusal {
    case .noSuchMount, .forbiddenOrigin, .handlerFailed, .handlerUnavailable, .pluginPaused, .requestTimeout:
      isHarmless = true
    default: isHarmless = false
    }
    let withBody = head?.traits.contains(.head) != true
    request?.record.framer.takesPage(refusal.status, bytes: withBody ? ErrorPage.length(refusal.status) : 0)
    let keeps =
      isHarmless && request?.keepsConnection(behindWhole: true) == true && worker.record.draining.stage == .serving
    writePage(
      refusal, version: head?.version ?? .http11,
      withBody: withBody, keepAlive: keeps)
    guard let request else { return driver.finish() }
    let channel = HTTP1Channel(worker, request)
    guard isHarmless else { return channel.finishConnection() }
    request.record.keepAlive = keeps ? .yes : .no
    channel.finish()
  }

  func writePage(
    _ refusal: Refusal, version: HTTPVersion, withBody: Bool, keepAlive: Bool
  ) {
    let status = refusal.status
    let length = Int64(ErrorPage.length(status))
    let option: ResponseEncoder.ConnectionOption? = keepAlive ? (version == .http10 ? .keepAlive : nil) : .close
    worker.withFields(of: refusal, connection.record.request) { fields in
      let head = ResponseEncoder.FinalHead(
        status: status, fields: fields, framing: .length(length), verdict: FieldValidation.Verdict(), connection: option
      )
      let bound = ResponseEncoder.bound(fields: fields, fieldBytes: 96) + ErrorPage.bound
      connection.record.output.write(bound: bound, &worker.record.thread.record.pool) { writer in
        ResponseEncoder.write(head, date: worker.record.thread.record.date, to: &writer)
        if withBody { ErrorPage.write(status, to: &writer) }
      }
    }
  }
}
