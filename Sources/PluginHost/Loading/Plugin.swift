import COutrider
import Glibc
import HTTP
import Platform

/// One `[[plugin]]` entry as loaded: its descriptor, state and host table. Made in the master before the workers are
/// forked, or by a worker before it serves; then unchanged, and never freed.
@safe
@usableFromInline
package struct Plugin: @unchecked Sendable {
  // The record is unchanged from load on, which is what makes it Sendable.
  @usableFromInline package let address: UnsafeMutablePointer<PluginRecord>

  @inlinable
  package var record: PluginRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  package init(_ record: PluginRecord) {
    unsafe address = .allocate(capacity: 1)
    unsafe address.initialize(to: record)
  }
}

@safe
@usableFromInline
package struct PluginRecord {
  /// The plugin's own table, cut or padded with NULL to this host's size of it.
  @usableFromInline package var descriptor: outrider_plugin
  package var state: UnsafeMutableRawPointer?
  package let host: UnsafeMutablePointer<outrider_host>
  /// Its place among the plugins of the configuration.
  package let number: Int
  /// The entry's name in the configuration.
  package let name: Bytes
  package let path: String
  /// Where it is mounted, without a trailing slash: empty for "/".
  @usableFromInline package let mount: Bytes
  /// A worker has loaded it for itself.
  package let isWorkersOwn: Bool
  package let configuration: PluginConfiguration

  package var nameText: String { name.escaped() }
  package var mountText: String { mount.isEmpty ? "/" : mount.escaped() }
  /// What the plugin calls itself, and its version.
  package var title: String {
    unsafe "\(PluginRecord.text(descriptor.name)) \(PluginRecord.text(descriptor.version))"
  }

  /// So many bytes of what a plugin calls itself are shown.
  private static let longestText = 128

  /// A plugin's words, escaped; both are there once it is loaded.
  private static func text(_ words: UnsafePointer<CChar>?) -> String {
    guard let words = unsafe words else { return "?" }
    return unsafe LogText.escaped(Array(UnsafeRawBufferPointer(start: words, count: strnlen(words, longestText))))
  }

  @inlinable package var hasBlockingStyle: Bool { unsafe descriptor.handle != nil }
  @inlinable package var hasEventStyle: Bool { unsafe descriptor.open != nil }
  package var isThreadSafe: Bool { unsafe descriptor.capabilities & UInt64(OUTRIDER_THREAD_SAFE) != 0 }
}
