import Platform

/// Which plugins are paused since they take one worker after the other down. The plugin that crashes is what backs off
/// then, not the workers: the other plugins' requests need them.
struct CrashPauses {
  private struct Record {
    /// Crashes in a row that are put up with; 0 for any number.
    let limit: Int
    var backoff: Backoff
    var crashes = 0
    /// The last crash, or the end of the pause that it brought: from then on the plugin is well.
    var wellSince: UInt64 = 0
    var pausedUntil: UInt64 = 0
  }

  private var records: [Record]

  /// - Parameters:
  ///   - limits: `plugin.max_fails` of each plugin, in their order.
  ///   - backoff: the longest first pause, in nanoseconds.
  init(limits: [Int], backoff: UInt64) {
    records = limits.map { Record(limit: $0, backoff: Backoff(first: backoff)) }
  }

  /// A plugin has taken a worker down.
  ///
  /// - Returns: until when it is paused, in monotonic nanoseconds; nil if it goes on.
  mutating func crashed(_ plugin: Int, at now: UInt64) -> UInt64? {
    guard records.indices.contains(plugin), records[plugin].limit > 0 else { return nil }
    let since = records[plugin].wellSince
    let health = since == 0 ? .max : now > since ? now - since : 0
    records[plugin].crashes = Backoff.left(of: records[plugin].crashes, health: health) + 1
    records[plugin].wellSince = now
    guard records[plugin].crashes >= records[plugin].limit else { return nil }
    let until = now &+ records[plugin].backoff.delay(health: health)
    records[plugin].pausedUntil = max(until, records[plugin].pausedUntil)
    records[plugin].wellSince = records[plugin].pausedUntil
    return records[plugin].pausedUntil
  }

  /// Until when each plugin is paused, in monotonic nanoseconds; what is past is no pause.
  var ends: [UInt64] { records.map(\.pausedUntil) }
}
