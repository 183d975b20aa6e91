import Platform

/// Pauses plugins that crash one worker after another. Instead of the workers the plugin backs off: other plugins keep
/// being served.
struct PluginCircuitBreaker {
  private struct Circuit {
    /// `plugin.max_fails`: consecutive crashes that pause the plugin; 0 for never.
    let maxFails: Int
    var backoff: Backoff
    var crashes = 0
    /// The last crash, or the end of the pause that followed it; 0 before the first crash.
    var healthySince: UInt64 = 0
    var pausedUntil: UInt64 = 0
  }

  private var circuits: [Circuit]

  /// - Parameters:
  ///   - maxFails: `plugin.max_fails` of each plugin, in the order of the configuration.
  ///   - backoff: the longest first pause, in nanoseconds.
  init(maxFails: [Int], backoff: UInt64) {
    circuits = maxFails.map { Circuit(maxFails: $0, backoff: Backoff(first: backoff)) }
  }

  /// Counts a worker crash that a plugin caused.
  ///
  /// - Returns: when the pause of the plugin ends, in monotonic nanoseconds; nil if it is not paused.
  mutating func recordCrash(of plugin: Int, at now: UInt64) -> UInt64? {
    guard circuits.indices.contains(plugin), circuits[plugin].maxFails > 0 else { return nil }
    let since = circuits[plugin].healthySince
    let health = since == 0 ? .max : now > since ? now - since : 0
    circuits[plugin].crashes = Backoff.remaining(of: circuits[plugin].crashes, health: health) + 1
    circuits[plugin].healthySince = now
    guard circuits[plugin].crashes >= circuits[plugin].maxFails else { return nil }
    let until = now &+ circuits[plugin].backoff.delay(health: health)
    circuits[plugin].pausedUntil = max(until, circuits[plugin].pausedUntil)
    circuits[plugin].healthySince = circuits[plugin].pausedUntil
    return circuits[plugin].pausedUntil
  }

  /// When the pause of each plugin ends, in monotonic nanoseconds; times in the past are over.
  var pausedUntil: [UInt64] { circuits.map(\.pausedUntil) }
}
