import Configuration
import HTTP
import Platform
import PluginHost

/// The access log lines that the master writes for a worker that has died: those that the worker had gathered, and one
/// for each request that it was serving.
package struct AccessLogRecovery {
  private let plan: AccessLinePlan
  private let memory: AccessLogMemory
  private let cuts: LogTruncations

  package init(_ format: AccessFormat, _ memory: AccessLogMemory, _ cuts: LogTruncations) {
    plan = AccessLinePlan(format)
    self.memory = memory
    self.cuts = cuts
  }

  /// Writes the lines. Lines that the log does not accept are lost and counted.
  ///
  /// - Parameters:
  ///   - slot: the worker's; the records that have been written are cleared.
  ///   - outcome: how the requests ended.
  ///   - sink: the log.
  ///   - plugins: their names, by index.
  package func write(
    _ slot: ScoreboardSlot, _ outcome: RequestOutcome, to sink: consuming LogSink, plugins: [String]
  ) {
    let region = memory.region(slot.index)
    let flights = slot.flights
    guard region.count > 0 || !flights.isEmpty else { return }
    let now = Clock.monotonic()
    let log = AccessLog(plan, sink, cuts, slot, region)
    for flight in flights { append(flight, outcome, plugins, now, to: log) }
    log.end(now)
    log.destroy()
  }

  /// Writes the line of a request whose fields died with the worker, from its flight record.
  private func append(
    _ flight: Flight, _ outcome: RequestOutcome, _ plugins: [String], _ now: UInt64, to log: AccessLog
  ) {
    let plugin = plugins.indices.contains(flight.plugin) ? Array(plugins[flight.plugin].utf8) : []
    let duration = now > flight.start ? now - flight.start : 0
    withBytes([flight.method, flight.path, flight.id, flight.address, plugin]) { bytes in
      var head = RequestHead()
      head.method = bytes[0]
      head.path = bytes[1]
      head.target = bytes[1]
      head.version = HTTPVersion(rawValue: flight.version) ?? .http11
      var record = AccessRecord(head, status: 0, bodyBytes: 0, duration: duration, hints: 0, outcome: outcome)
      record.requestID = bytes[2]
      record.remoteAddress = bytes[3]
      record.remotePort = flight.port
      record.plugin = bytes[4]
      _ = log.append(record, ResponseFields(), RequestNotes(), now: now)
    }
  }

  private func withBytes(_ parts: [[UInt8]], _ body: ([Bytes]) -> Void) {
    let all = parts.flatMap { $0 }
    unsafe all.withUnsafeBufferPointer { buffer in
      var start = 0
      let views = parts.map { part in
        defer { start += part.count }
        return part.isEmpty ? Bytes.empty : unsafe Bytes(base: buffer.baseAddress! + start, count: part.count)
      }
      body(views)
    }
  }
}
