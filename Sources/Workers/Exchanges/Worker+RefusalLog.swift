import HTTP
import Logging
import Platform
import PluginHost

// Refusals in counters and log.

extension Worker {
  /// The fields of a refusal beyond those of every response: the content's type, and when to retry if that is known
  /// (RFC 9110 section 10.2.3).
  func withFields(of refusal: Refusal, _ request: Request?, _ use: (Fields) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var writer = unsafe ByteWriter(base: digits.baseAddress.unsafelyUnwrapped, capacity: digits.count)
      if refusal == .pluginPaused, let request {
        writer.append(decimal: record.pausedPlugins.secondsLeft(request.record.plugin, at: record.clock.now))
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
  /// - Parameter cause: text for the log in addition to that of the refusal.
  func note(_ refusal: Refusal, _ connection: Connection, because cause: String? = nil) {
    note(refusal, connection, connection.record.request, because: cause)
  }

  func note(_ refusal: Refusal, _ request: Request) { note(refusal, request.record.connection, request, because: nil) }

  private func note(_ refusal: Refusal, _ connection: Connection, _ request: Request?, because cause: String?) {
    record.slot.countRefusal(Int(refusal.rawValue))
    if refusal.outcome != .complete { request?.record.outcome = refusal.outcome }
    // Every request that a draining server cuts off is logged.
    if refusal.outcome == .cancelled {
      record.log.error("\(description(of: refusal, connection, request))")
      return
    }
    guard !connection.record.flags.contains(.hasLoggedRefusal) else { return }
    connection.record.flags.insert(.hasLoggedRefusal)
    // The master has logged the pause once.
    if refusal == .pluginPaused { return }
    let reason = cause.map { ": \($0)" } ?? ""
    log(limited: .refusal(refusal), description(of: refusal, connection, request) + reason)
  }

  /// Logs that a response is incomplete because of its plugin.
  func noteCut(_ request: Request, _ reason: StaticString) {
    log(
      limited: .cutResponse,
      "answer cut off to \(peer(of: request.record.connection)): \(reason)" + description(of: request))
  }

  /// Counts and logs, once, that TLS on the connection was ended because of a flood.
  func noteFlood(_ connection: Connection) {
    if connection.record.tls?.takeFlood() == true { note(.keyUpdateFlood, connection) }
  }

  /// The name of a client in the log.
  func peer(of connection: Connection) -> String {
    let address = record.table.clientAddress(connection).escaped()
    return address.isEmpty ? "unix" : "\(address):\(connection.record.clientPort)"
  }

  private func description(of refusal: Refusal, _ connection: Connection, _ request: Request?) -> String {
    let line = RefusalLine(
      refusal: refusal, peer: peer(of: connection), response: request?.response(to: refusal) ?? .none)
    return line.text + (request.map { description(of: $0) } ?? "")
  }

  /// Describes a request: its target, its plugin, and its id.
  private func description(of request: Request) -> String {
    let plugin = request.record.plugin
    let name = plugin >= 0 ? record.plugins[plugin].record.nameText : nil
    let line = RefusalLine.description(
      method: request.head.method, path: request.head.path, plugin: name, id: name == nil ? nil : shownID(of: request))
    return line + (request.record.exchange?.traceAndNotes ?? "")
  }

  /// The id of a request whose exchange may have ended, taken from the flight record.
  private func shownID(of request: Request) -> String? {
    if let exchange = request.record.exchange { return exchange.requestID.escaped() }
    guard let number = request.record.flight, let flight = record.slot.flight(number).flight else { return nil }
    return LogText.escaped(flight.id)
  }
}

extension Request {
  /// The state of the response when the request is refused.
  fileprivate func response(to refusal: Refusal) -> RefusalLine.Response {
    guard record.framer.hasHead || record.framer.isAborted else { return .none }
    return record.framer.isAborted || refusal.outcome == .cancelled && !record.isRefused ? .cut : .complete
  }
}
