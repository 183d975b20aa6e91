/// The effective configuration: what holds, and where each value of it came from.
package struct Configuration: Sendable {
  package let settings: Settings
  /// All but listeners and plugins.
  let general: Traced<Settings>
  let listeners: [TracedListener]
  let plugins: [Traced<PluginSettings>]
  /// Somebody has said where to listen; else there is the one listener by default.
  package var hasListeners: Bool { listeners.contains { $0.settings.origin != .builtIn } }
  /// The configuration file, if there is one.
  let file: String?

  init(
    _ general: Traced<Settings>, listeners: [TracedListener], plugins: [Traced<PluginSettings>], file: String?
  ) {
    var settings = general.value
    settings.listeners = listeners.map { listener in
      var settings = listener.settings.value
      settings.tls.sni = listener.names.map(\.value)
      return settings
    }
    settings.plugins = plugins.map(\.value)
    self.settings = settings
    self.listeners = listeners
    self.plugins = plugins
    self.file = file
    self.general = general
  }

  /// Where the value of a key came from, such as `timeouts.head`; of a key in an array of tables see the others.
  package func origin(of key: String) -> Origin { general.origin(of: key) }

  /// Where the value of a key of `settings.plugins[index]` came from, such as `plugin.path`: for faults that only show
  /// when it is loaded.
  package func origin(of key: String, plugin index: Int) -> Origin {
    plugins.indices.contains(index) ? plugins[index].origin(of: key) : .builtIn
  }

  /// Where the value of a key of `settings.listeners[index]` came from, such as `listener.bind`.
  package func origin(of key: String, listener index: Int) -> Origin {
    listeners.indices.contains(index) ? listeners[index].settings.origin(of: key) : .builtIn
  }

  /// Where the value of a key of `settings.listeners[index].tls.sni[entry]` came from, such as `listener.tls.sni.key`.
  package func origin(of key: String, listener index: Int, sni entry: Int) -> Origin {
    guard listeners.indices.contains(index), listeners[index].names.indices.contains(entry) else { return .builtIn }
    return listeners[index].names[entry].origin(of: key)
  }
}
