import HTTP
import Platform
import PluginHost

// What a request leaves in the scoreboard: while it is served, who it is; afterwards, numbers.

extension RequestRecord {
  /// The number of its flight record; nil if there are more requests than records.
  var flight: Int? { slot < ScoreboardLayout.flights ? Int(slot) : nil }
}

extension Worker {
  /// It is this plugin that the request is counted for.
  @inline(__always)
  func attribute(_ request: Request, _ method: Bytes, to plugin: Plugin) {
    request.record.plugin = plugin.record.number
    request.record.method = method.methodNumber
  }

  /// The request goes to its plugin: whoever looks from outside can see which it is, also when the worker is dead.
  @inline(__always)
  func showFlight(of request: Request, _ head: borrowing RequestHead, _ exchange: Exchange) {
    guard let number = request.record.flight else {
      record.slot.add(.flightOverflows)
      return
    }
    // The access log alone wants to know the client of a request that dies.
    let client = record.accessLog == nil ? RequestEndpoint(address: .empty, port: 0) : exchange.client
    unsafe record.slot.flight(number).take(
      start: request.record.began, plugin: request.record.plugin, method: request.record.method,
      version: head.version.rawValue, name: head.method.raw, id: exchange.requestID.raw, path: head.path.raw,
      address: client.address.raw, port: client.port
    ) { bytes, count, place in unsafe ByteCopy.copy(bytes, count, to: place) }
    record.thread.record.cells?.flight = number
  }

  /// The loop turns to a request that was begun before.
  func turn(to request: Request) { record.thread.record.cells?.flight = request.record.flight }

  /// The request has ended, one way or another: counted once, by whoever comes first, the thread that has it or the loop.
  @inline(__always)
  func account(_ request: Request) {
    guard !request.record.isAccounted else { return }
    request.record.isAccounted = true
    let hasBegun = request.record.began != 0
    request.record.ended = Clock.monotonic()
    let duration = hasBegun ? request.record.ended &- request.record.began : 0
    if request.record.answer.status == 0 || request.record.answer.isAborted || request.record.lostBytes != 0
      || request.record.outcome != .complete
    {
      judgeEnd(of: request, hasBegun: hasBegun)
    }
    if let log = record.accessLog, hasBegun || request.record.answer.status != 0 {
      self.log(request, duration: duration, to: log)
    }
    guard hasBegun else {
      // Its head was refused.
      if request.record.answer.status != 0 {
        record.slot.plugin(record.plugins.count).endedShared(
          method: PluginCells.otherMethod, status: request.record.answer.status)
      }
      return
    }
    if record.pool == nil { tally(request, duration, shared: false) } else { tallyShared(request, duration) }
  }

  /// A request that has not simply been answered: how it has ended, and a line where a plugin has left it without its end.
  @inline(never)
  private func judgeEnd(of request: Request, hasBegun: Bool) {
    if request.record.outcome == .complete {
      if let cut = request.record.answer.cut {
        request.record.outcome = .truncated
        if let reason = cut.reason { noteCut(request, reason) }
      } else if request.record.lostBytes != 0 {
        request.record.outcome = .truncated
      } else if request.record.answer.status == 0 && hasBegun {
        request.record.outcome = .clientGone
      }
    }
    if request.record.outcome == .clientGone && request.record.answer.followsDeparture {
      request.record.answer.missesClient()
    }
    if request.record.outcome != .complete { record.slot.addOutcome(Int(request.record.outcome.rawValue)) }
  }

  @inline(never)
  private func tallyShared(_ request: Request, _ duration: UInt64) { tally(request, duration, shared: true) }

  /// - Parameter shared: threads of a pool count as well.
  @inline(__always)
  private func tally(_ request: Request, _ duration: UInt64, shared: Bool) {
    count(.requestsEnded, 1, shared: shared)
    if record.settings.model.isGthread || record.runtime.isOnLoop {
      countBytes(request.record.connection, shared: shared)
    }
    let plugin = request.record.plugin
    let cells = record.slot.plugin(plugin >= 0 ? plugin : record.plugins.count)
    if shared {
      cells.endedShared(method: request.record.method, status: request.record.answer.status)
      cells.durations.recordShared(duration)
    } else {
      cells.ended(method: request.record.method, status: request.record.answer.status)
      cells.durations.record(duration)
      record.thread.record.cells?.flight = nil
    }
    if let number = request.record.flight { record.slot.flight(number).release() }
  }

  /// Adds what a connection has moved since the last time.
  func countBytes(_ connection: Connection) { countBytes(connection, shared: record.pool != nil) }

  @inline(__always)
  private func countBytes(_ connection: Connection, shared: Bool) {
    let (received, sent) = (connection.record.received, connection.record.output.sent)
    count(.bytesReceived, received &- connection.record.receivedNoted, shared: shared)
    count(.bytesSent, sent &- connection.record.sentNoted, shared: shared)
    connection.record.receivedNoted = received
    connection.record.sentNoted = sent
  }

  @inline(__always)
  private func count(_ counter: WorkerCounter, _ amount: UInt64, shared: Bool) {
    if shared { record.slot.addShared(counter, amount) } else { record.slot.add(counter, amount) }
  }
}

extension Bytes {
  /// A method's number among `PluginCells.methods`.
  @inline(__always)
  fileprivate var methodNumber: Int { equals(Bytes("GET")) ? 0 : otherMethodNumber }

  @inline(never)
  private var otherMethodNumber: Int {
    for (number, name) in PluginCells.methods.enumerated() where equals(Bytes(name)) { return number }
    return PluginCells.otherMethod
  }

  fileprivate var raw: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: base, count: count) }
}
