import COutrider
import Glibc
import HTTP
import Memory
import Platform

/// A loaded `[[plugin]]` entry: its descriptor, state and host table. Made in the master before workers are forked, or
/// by a worker before it serves; then immutable, and never freed.
@usableFromInline
package typealias Plugin = Pinned<PluginRecord>

@safe
@usableFromInline
package struct PluginRecord: @unchecked Sendable {
  // Immutable once loaded, which makes it Sendable.
  /// The plugin's own table, truncated or padded with NULL to the size that this host knows.
  @usableFromInline package var descriptor: outrider_plugin
  package var state: UnsafeMutableRawPointer?
  package let host: UnsafeMutablePointer<outrider_host>
  /// Its index among the plugins of the configuration.
  package let number: Int
  /// The entry's name in the configuration.
  package let name: Bytes
  package let path: String
  /// Its mount without a trailing slash: empty for "/".
  @usableFromInline package let mount: Bytes
  /// A worker has loaded it, not the master.
  package let isPerWorker: Bool
  package let configuration: PluginConfiguration
  /// The state of the file when it was mapped.
  var file = PluginFile()
  /// The plugin is inside `load`.
  var isLoading = false
  /// Errors that `load` has reported about the configuration.
  var configurationErrors: [String] = []
  /// Set by `outrider_host.wake` until on_wake() is called.
  let wakeRequest = WakeRequest()

  /// Runs the thread of the worker's loop; nil if the plugin does not. Set while the plugin is loaded.
  var runLoop: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  package var ownsLoop: Bool { unsafe runLoop != nil }

  package var nameText: String { name.escaped() }
  package var mountText: String { mount.isEmpty ? "/" : mount.escaped() }
  /// The plugin's own name and version.
  package var title: String {
    unsafe "\(PluginRecord.text(descriptor.name)) \(PluginRecord.text(descriptor.version))"
  }

  /// The maximum length of these, in bytes.
  private static let longestText = 128

  /// A text of the plugin, escaped. Both texts are present once the plugin is loaded.
  private static func text(_ words: UnsafePointer<CChar>?) -> String {
    guard let words = unsafe words else { return "?" }
    return unsafe LogText.escaped(Array(UnsafeRawBufferPointer(start: words, count: strnlen(words, longestText))))
  }

  @inlinable package var hasBlockingStyle: Bool { unsafe descriptor.handle != nil }
  @inlinable package var hasEventStyle: Bool { unsafe descriptor.open != nil }
  package var isThreadSafe: Bool { unsafe descriptor.capabilities & OUTRIDER_THREAD_SAFE != 0 }
}
