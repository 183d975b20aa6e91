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

  /// One pause, as a master tells its workers of it: the plugin's place and the end, with a space between them.
  package static func text(_ plugin: Int, until end: UInt64) -> String { "\(plugin) \(end)" }

  /// Takes the master's word for one more.
  mutating func take(text: String) {
    let numbers = text.split(separator: " ").compactMap { UInt64($0) }
    guard numbers.count == 2, let plugin = Int(exactly: numbers[0]), ends.indices.contains(plugin) else { return }
    ends[plugin] = numbers[1]
    last = max(last, numbers[1])
  }

  func isPaused(_ plugin: Int, at now: UInt64) -> Bool { now < last && now < end(plugin) }

  /// How long a plugin is paused from now on, in whole seconds: 1 at least.
  func secondsLeft(_ plugin: Int, at now: UInt64) -> UInt64 {
    let end = end(plugin)
    return now < end ? (end - now) / Clock.nanosecondsPerSecond + 1 : 1
  }

  private func end(_ plugin: Int) -> UInt64 { ends.indices.contains(plugin) ? ends[plugin] : 0 }
}
