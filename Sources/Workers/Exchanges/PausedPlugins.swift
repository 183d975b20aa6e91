import IPC
import Platform

/// The plugins that get no requests for now, because they crash the workers that serve them.
package struct PausedPlugins: Sendable {
  /// When each pause ends, by plugin index, in monotonic nanoseconds. Times in the past are over.
  private var ends: [UInt64]
  /// The latest of these times. After it no lookup is needed.
  private var last: UInt64

  package init(ends: [UInt64]) {
    self.ends = ends
    last = ends.max() ?? 0
  }

  mutating func add(_ pause: PluginPause) {
    guard ends.indices.contains(pause.plugin) else { return }
    ends[pause.plugin] = pause.until
    last = max(last, pause.until)
  }

  func isPaused(_ plugin: Int, at now: UInt64) -> Bool { now < last && now < end(plugin) }

  /// How long the plugin's pause still lasts, in whole seconds, at least 1.
  func secondsLeft(_ plugin: Int, at now: UInt64) -> UInt64 {
    let end = end(plugin)
    return now < end ? (end - now) / Clock.nanosecondsPerSecond + 1 : 1
  }

  private func end(_ plugin: Int) -> UInt64 { ends.indices.contains(plugin) ? ends[plugin] : 0 }
}
