import HTTP
import PluginHost

/// Finds the plugin of a path: the one with the longest mount that is a prefix of whole segments.
struct Router: ~Copyable {
  /// Longest mount first.
  private let plugins: [Plugin]
  /// The plugin on "/" if it is the only plugin.
  private let only: Plugin?

  init(_ plugins: [Plugin]) {
    self.plugins = plugins.sorted { $0.record.mount.count > $1.record.mount.count }
    only = plugins.count == 1 && plugins[0].record.mount.isEmpty ? plugins[0] : nil
  }

  /// The plugin for a decoded path, and the rest of the path below its mount.
  ///
  /// - Returns: `isBareMount` if the path is the mount itself, without a trailing slash.
  @inline(__always)
  func route(_ path: Bytes) -> (plugin: Plugin, path: Bytes, isBareMount: Bool)? {
    if let only { return (only, path, false) }
    return search(path)
  }

  @inline(never)
  private func search(_ path: Bytes) -> (plugin: Plugin, path: Bytes, isBareMount: Bool)? {
    for plugin in plugins {
      let mount = plugin.record.mount
      guard path.hasPrefix(mount) else { continue }
      if path.count == mount.count { return mount.isEmpty ? (plugin, path, false) : (plugin, Bytes("/"), true) }
      // /app matches /app/x, not /apple; "*" matches the plugin on "/".
      if mount.isEmpty || path[mount.count] == ASCII.slash { return (plugin, path.dropFirst(mount.count), false) }
    }
    return nil
  }
}
