import HTTP
import Platform

/// Adds the results of ended requests, and the bytes of connections, to the scoreboard.
///
/// The loop stores counters that only it writes. Where threads of a pool count as well, all of them add atomically
/// (`shared`).
struct RequestAccounting {
  let slot: ScoreboardSlot
  /// The number of plugins; the index after the last one is for requests without a plugin.
  let plugins: Int

  /// - Parameters:
  ///   - plugin: its number; -1 for none.
  ///   - duration: nanoseconds.
  ///   - flight: the index of the request's flight record.
  @inline(__always)
  func ended(plugin: Int, method: Int, status: UInt32, _ duration: UInt64, flight: Int?, shared: Bool) {
    add(.requestsEnded, 1, shared: shared)
    let cells = slot.plugin(plugin >= 0 ? plugin : plugins)
    if shared {
      cells.endedShared(method: method, status: status)
      cells.durations.recordShared(duration)
    } else {
      cells.ended(method: method, status: status)
      cells.durations.record(duration)
    }
    if let flight { slot.flight(flight).release() }
  }

  /// Counts a request whose head was refused: it has a status and nothing else.
  func headRefused(status: UInt32) {
    slot.plugin(plugins).endedShared(method: PluginCells.otherMethod, status: status)
  }

  /// Adds the bytes that a connection has moved since the last call.
  @inline(__always)
  func moved(on connection: inout ConnectionRecord, shared: Bool) {
    let (received, sent) = (connection.received, connection.output.sent)
    add(.bytesReceived, received &- connection.receivedNoted, shared: shared)
    add(.bytesSent, sent &- connection.sentNoted, shared: shared)
    connection.receivedNoted = received
    connection.sentNoted = sent
  }

  @inline(__always)
  private func add(_ counter: WorkerCounter, _ amount: UInt64, shared: Bool) {
    if shared { slot.addShared(counter, amount) } else { slot.add(counter, amount) }
  }
}

extension RequestOutcome {
  /// The outcome of a request without a known cause.
  ///
  /// - Parameters:
  ///   - isCut: whether its response is incomplete.
  ///   - lostBytes: bytes of the response that were queued and dropped.
  ///   - status: of the final response; 0 if there was none.
  ///   - hasBegun: whether its head was complete.
  init(isCut: Bool, lostBytes: UInt64, status: UInt32, hasBegun: Bool) {
    if isCut || lostBytes != 0 {
      self = .truncated
    } else {
      self = status == 0 && hasBegun ? .clientGone : .complete
    }
  }
}
