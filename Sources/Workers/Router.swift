import HTTP
import PluginHost

/// Which plugin a path belongs to: the one with the longest mount that holds whole segments of it.
struct Router: ~Copyable {
  /// Longest mount first.
  private let plugins: [Plugin]
  /// The plugin on "/" where it is the only one.
  private let only: Plugin?

  init(_ plugins: [Plugin]) {
    self.plugins = plugins.sorted { $0.record.mount.count > $1.record.mount.count }
    only = plugins.count == 1 && plugins[0].record.mount.isEmpty ? plugins[0] : nil
  }

  /// The plugin for a decoded path, and the path below its mount.
  func route(_ path: Bytes) -> (plugin: Plugin, path: Bytes)? {
    if let only { return (only, path) }
    for plugin in plugins {
      let mount = plugin.record.mount
      guard path.hasPrefix(mount) else { continue }
      if path.count == mount.count { return (plugin, mount.isEmpty ? path : Bytes("/")) }
      // /app takes /app/x, not /apple; "*" belongs to whoever has "/".
      if mount.isEmpty || path[mount.count] == ASCII.slash { return (plugin, path.dropFirst(mount.count)) }
    }
    return nil
  }
}
