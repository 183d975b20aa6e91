import HTTP
import Platform
import PluginHost

// What the access log is told, and when it is written.

/// What the log has to know of a request that nobody else keeps until its end.
struct LoggedCircumstances {
  var remoteAddress = Bytes.empty
  var remotePort: UInt16 = 0
  var scheme = Bytes.empty
  var host = Bytes.empty
  var requestID = Bytes.empty

  init() {}

  init(_ exchange: Exchange) {
    remoteAddress = exchange.client.address
    remotePort = exchange.client.port
    scheme = exchange.scheme
    host = exchange.authority
    requestID = exchange.requestID
  }
}

extension Worker {
  /// How long nobody is told again that the log takes no lines.
  private static let complaintInterval = 60 * Clock.nanosecondsPerSecond

  /// [loop, request-thread] Adds the line of a request that has ended.
  func log(_ request: Request, duration: UInt64, to log: AccessLog) {
    if request.record.logged.requestID.isEmpty { describeRefused(request) }
    let (answer, logged) = (request.record.answer, request.record.logged)
    let sent = answer.bodyBytes - min(answer.bodyBytes, request.record.lostBytes)
    var line = AccessRecord(
      request.head, status: answer.status, bodyBytes: sent, duration: duration, hints: answer.hints,
      outcome: request.record.outcome)
    line.remoteAddress = logged.remoteAddress
    line.remotePort = logged.remotePort
    line.scheme = logged.scheme
    line.host = logged.host
    line.requestID = logged.requestID
    if request.record.plugin >= 0 { line.plugin = record.plugins[request.record.plugin].record.name }
    if log.append(line, request.record.responseFields, now: Clock.monotonic()), !record.runtime.isOnLoop {
      record.runtime.record.wake.wake()
    }
    request.record.logged = LoggedCircumstances()
    request.record.responseFields.forget()
  }

  /// The request was refused before anybody asked who sends it.
  private func describeRefused(_ request: Request) {
    let connection = request.record.connection
    request.record.logged.remoteAddress = record.table.clientAddress(connection)
    request.record.logged.remotePort = connection.record.clientPort
    request.record.logged.scheme = connection.record.tls == nil ? Bytes("http") : Bytes("https")
    request.record.logged.host = request.head.authority
    request.record.logged.requestID = requestID(request, request.head)
  }

  /// [loop, request-thread] Keeps of a response what the log wants.
  func keepForLog(_ act: ResponseAct, of request: Request) {
    guard let log = record.accessLog, log.plan.nameCount > 0, case .head(_, let fields, _, _) = act else { return }
    request.record.responseFields.keep(fields, log.plan)
  }

  /// [loop] Writes what is due.
  func writeAccessLog() {
    guard let log = record.accessLog, log.dueAt <= record.now else { return }
    log.write(record.now)
    guard record.now >= record.accessComplaintAt, let fault = log.takeFault() else { return }
    record.accessComplaintAt = record.now &+ Worker.complaintInterval
    record.log.warning("the access log \(fault)")
  }
}
