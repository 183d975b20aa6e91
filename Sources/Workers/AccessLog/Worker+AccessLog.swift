import HTTP
import Platform
import PluginHost

// When requests are logged, and when the log is written.

/// What a log line needs of a request and nothing else keeps until the request's end.
struct LogContext {
  var remoteAddress = Bytes.empty
  var remotePort: UInt16 = 0
  var scheme = Bytes.empty
  var host = Bytes.empty
  var requestID = Bytes.empty
  /// The handle of the exchange that the notes belong to.
  var exchange: UInt64 = 0

  init() {}

  init(_ exchange: Exchange) {
    remoteAddress = exchange.client.address
    remotePort = exchange.client.port
    scheme = exchange.scheme
    host = exchange.authority
    requestID = exchange.requestID
    self.exchange = exchange.handle.id
  }
}

extension Worker {
  /// [loop, request-thread] Adds the line of a request that has ended.
  func log(_ request: Request, duration: UInt64, to log: AccessLog) {
    if request.record.logContext.requestID.isEmpty { describeRefused(request) }
    let (framer, context) = (request.record.framer, request.record.logContext)
    let sent = framer.bodyBytes - min(framer.bodyBytes, request.record.lostBytes)
    var line = AccessRecord(
      request.head, status: framer.status, bodyBytes: sent, duration: duration, hints: framer.hints,
      outcome: request.record.outcome)
    line.remoteAddress = context.remoteAddress
    line.remotePort = context.remotePort
    line.scheme = context.scheme
    line.host = context.host
    line.requestID = context.requestID
    line.exchange = context.exchange
    if request.record.plugin >= 0 { line.plugin = record.plugins[request.record.plugin].record.name }
    if log.append(line, request.record.responseFields, request.record.notes, now: Clock.monotonic()),
      !record.runtime.isOnLoop
    {
      record.runtime.record.wake.wake()
    }
    request.record.logContext = LogContext()
    request.record.responseFields.forget()
  }

  /// Describes a request that was refused before its client was identified.
  private func describeRefused(_ request: Request) {
    let connection = request.record.connection
    request.record.logContext.remoteAddress = record.table.clientAddress(connection)
    request.record.logContext.remotePort = connection.record.clientPort
    request.record.logContext.scheme = connection.record.tls == nil ? Bytes("http") : Bytes("https")
    request.record.logContext.host = request.head.authority
    request.record.logContext.requestID = requestID(request, request.head)
  }

  /// [loop, request-thread] Keeps the response fields that the log format names.
  func keepForLog(_ act: ResponsePart, of request: Request) {
    guard let log = record.accessLog, log.plan.nameCount > 0, case .head(_, let fields, _, _) = act else { return }
    request.record.responseFields.keep(fields, log.plan)
  }

  /// [loop] Writes the log if it is due.
  func writeAccessLog() {
    guard let log = record.accessLog, log.dueAt <= record.clock.now else { return }
    log.write(record.clock.now)
    guard record.logLimits.mayLogAccessLog(record.clock.now), let fault = log.takeFault() else { return }
    record.logLimits.limitAccessLog(record.clock.now)
    record.log.warning("\(fault)")
  }
}
