import HTTP
import Platform
import PluginHost

// The scoreboard entries of a request: its description while it is served, and counters afterwards.

extension RequestRecord {
  /// The index of its flight record; nil if there are more requests than flight records.
  var flight: Int? {
    let number = UInt32(bitPattern: slot)
    return number < ScoreboardLayout.flights ? Int(number) : nil
  }
}

extension Worker {
  /// Attributes the request to its plugin.
  @inline(always)
  func attribute(_ request: Request, _ method: Bytes, to plugin: Plugin) {
    request.record.plugin = plugin.record.number
    request.record.connection.record.plugin = Int32(truncatingIfNeeded: plugin.record.number)
    request.record.method = method.methodNumber
  }

  /// The request goes to its plugin: the scoreboard describes it, so that it is known even if the worker dies.
  @inline(always)
  func showFlight(of request: Request, _ head: borrowing RequestHead, _ exchange: Exchange) {
    guard let number = request.record.flight else {
      record.slot.add(.flightOverflows)
      return
    }
    if record.accessLog != nil { showClient(in: record.slot.flight(number), head.version, exchange.client) }
    unsafe record.slot.flight(number).begin(
      start: request.record.began, plugin: request.record.plugin, method: request.record.method,
      name: head.method.raw, id: exchange.requestID.raw, path: head.path.raw
    ) { bytes, count, place in unsafe ByteCopy.copy(bytes, count, to: place) }
    record.thread.record.cells?.flight = number
  }

  /// Fields that only the access log needs, in case the request dies with the worker.
  @inline(never)
  private func showClient(in flight: FlightRecord, _ version: HTTPVersion, _ client: RequestEndpoint) {
    unsafe flight.describeClient(version: version.rawValue, address: client.address.raw, port: client.port)
  }

  /// The loop continues with a request that has begun before.
  func setCurrentRequest(_ request: Request) { record.thread.record.cells?.flight = request.record.flight }

  /// The request has ended. It is counted once, by its thread or by the loop, whichever is first.
  @inline(__always)
  func account(_ request: Request) {
    guard !request.record.isAccounted else { return }
    request.record.isAccounted = true
    let hasBegun = request.record.began != 0
    request.record.ended = Clock.monotonic()
    let duration = hasBegun ? request.record.ended &- request.record.began : 0
    if request.record.framer.status == 0 || request.record.framer.isAborted || request.record.lostBytes != 0
      || !request.record.outcome.isComplete
    {
      determineOutcome(of: request, hasBegun: hasBegun)
    }
    if let log = record.accessLog, hasBegun || request.record.framer.status != 0 {
      self.log(request, duration: duration, to: log)
    }
    guard hasBegun else {
      // The head was refused.
      if request.record.framer.status != 0 { accounting.headRefused(status: request.record.framer.status) }
      return
    }
    if record.pool == nil { count(request, duration, shared: false) } else { countShared(request, duration) }
  }

  /// A request without a regular response: its outcome, and a log line if its plugin left the response incomplete.
  @inline(never)
  private func determineOutcome(of request: Request, hasBegun: Bool) {
    if request.record.outcome == .complete {
      let cut = request.record.framer.cut
      request.record.outcome = RequestOutcome(
        isCut: cut != nil, lostBytes: request.record.lostBytes, status: request.record.framer.status, hasBegun: hasBegun
      )
      if let reason = cut?.reason { noteCut(request, reason) }
    }
    if request.record.outcome == .clientGone && request.record.framer.followsDeparture {
      request.record.framer.missesClient()
    }
    if request.record.outcome != .complete { record.slot.addOutcome(Int(request.record.outcome.rawValue)) }
  }

  @inline(__always)
  private var accounting: RequestAccounting {
    RequestAccounting(slot: record.slot, plugins: record.plugins.count)
  }

  @inline(never)
  private func countShared(_ request: Request, _ duration: UInt64) { count(request, duration, shared: true) }

  /// - Parameter shared: whether threads of a pool count as well.
  @inline(__always)
  private func count(_ request: Request, _ duration: UInt64, shared: Bool) {
    // A thread counts the bytes of a connection that it owns.
    if !shared || request.record.mode == .handedOff || record.runtime.isOnLoop {
      accounting.moved(on: &request.record.connection.record, shared: shared)
    }
    if !shared { record.thread.record.cells?.flight = nil }
    accounting.ended(
      plugin: request.record.plugin, method: request.record.method, status: request.record.framer.status, duration,
      flight: request.record.flight, shared: shared)
  }

  /// Adds the bytes that a connection has moved since the last call.
  func countBytes(_ connection: Connection) {
    accounting.moved(on: &connection.record, shared: record.pool != nil)
  }
}

extension Bytes {
  /// The index of a method in `PluginCells.methods`.
  @inline(__always)
  fileprivate var methodNumber: Int { equals(Bytes("GET")) ? 0 : otherMethodNumber }

  @inline(never)
  private var otherMethodNumber: Int {
    for (number, name) in PluginCells.methods.enumerated() where equals(Bytes(name)) { return number }
    return PluginCells.otherMethod
  }

  fileprivate var raw: UnsafeBufferPointer<UInt8> { unsafe UnsafeBufferPointer(start: base, count: count) }
}
