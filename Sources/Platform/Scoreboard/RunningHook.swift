/// Code of a plugin that runs before its worker serves.
package struct RunningHook: Sendable, Equatable {
  package enum Hook: UInt8, Sendable {
    /// The library's constructors run during dlopen.
    case dlopen = 1
    case entryPoint
    case load
    case workerStart
    case threadStart

    /// The name in the manual.
    package var name: StaticString {
      switch self {
      case .dlopen: "dlopen()"
      case .entryPoint: "outrider_plugin_v1()"
      case .load: "load()"
      case .workerStart: "worker_start()"
      case .threadStart: "thread_start()"
      }
    }
  }

  /// The index of the plugin.
  package let plugin: Int
  package let hook: Hook

  package init(plugin: Int, _ hook: Hook) {
    self.plugin = plugin
    self.hook = hook
  }

  /// - Parameter word: untrusted.
  init?(word: UInt64) {
    guard let hook = Hook(rawValue: UInt8(truncatingIfNeeded: word)) else { return nil }
    self.init(plugin: Int(word >> 8), hook)
  }

  var word: UInt64 { UInt64(truncatingIfNeeded: plugin) << 8 | UInt64(hook.rawValue) }
}
