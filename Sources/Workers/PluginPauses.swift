import Platform

/// Which plugins get no requests for now, since they crash the workers that serve them.
package struct PluginPauses: Sendable {
  /// Until when, by their places in the configuration, in monotonic nanoseconds; those of the past are over.
  private var ends: [UInt64]
  /// The last of them: after it nothing need be looked up.
  private var last: UInt64

  package init(ends: [UInt64]) {
    self.ends = ends
    last = ends.max() ?? 0
  }

  /// The form in which a master tells its workers: the numbers with spaces between them.
  package var text: String { ends.map { "\($0)" }.joined(separator: " ") }

  package init(text: String) { self.init(ends: text.split(separator: " ").map { UInt64($0) ?? 0 }) }

  func isPaused(_ plugin: Int, at now: UInt64) -> Bool { now < last && now < end(plugin) }

  /// How long a plugin is paused from now on, in whole seconds: 1 at least.
  func secondsLeft(_ plugin: Int, at now: UInt64) -> UInt64 {
    let end = end(plugin)
    return now < end ? (end - now) / Clock.nanosecondsPerSecond + 1 : 1
  }

  private func end(_ plugin: Int) -> UInt64 { ends.indices.contains(plugin) ? ends[plugin] : 0 }
}
