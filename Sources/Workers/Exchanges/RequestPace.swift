import Configuration

/// How fast a request's client has to be, and how long its response may take: the server's limits, or those of a
/// plugin.
struct RequestPace {
  /// Nanoseconds between two reads of the body.
  let body: UInt64
  /// Nanoseconds to the end of the response; 0 for no limit.
  let request: UInt64
  /// The minimum rate in bytes a second, in both directions; 0 for none.
  let minRate: Int

  /// At index 0 for requests without a plugin, then for those of each plugin.
  static func all(_ settings: Settings) -> [RequestPace] {
    let (timeouts, rate) = (settings.timeouts, settings.limits.minRate)
    return [RequestPace(body: timeouts.body, request: timeouts.request, minRate: rate)]
      + settings.plugins.map { RequestPace(body: $0.bodyTimeout, request: $0.requestTimeout, minRate: $0.minRate) }
  }
}

extension Worker {
  /// The pace of a request: its plugin's, once it has one.
  @inline(__always)
  func pace(of request: Request) -> RequestPace { pace(ofPlugin: request.record.plugin) }

  @inline(__always)
  private func pace(ofPlugin number: Int) -> RequestPace {
    record.settings.paces[number + 1 < record.settings.paces.count ? number + 1 : 0]
  }

  /// The minimum rate of a connection's output. For HTTP/2 it covers all streams and is the lowest of theirs.
  func minRate(of connection: Connection) -> Int {
    guard let http2 = connection.record.http2, http2.record.count > 0 else {
      return pace(ofPlugin: Int(connection.record.plugin)).minRate
    }
    var least = Int.max
    http2.visit { least = min(least, pace(of: $0).minRate) }
    return least
  }
}
