/// The effective configuration: all values, with the origin of each.
package struct Configuration: Sendable {
  package let settings: Settings
  /// All settings except listeners and plugins.
  let general: Sourced<Settings>
  let listeners: [SourcedListener]
  let plugins: [Sourced<PluginSettings>]
  /// Whether listeners were configured; otherwise there is only the default listener.
  package var hasListeners: Bool { listeners.contains { $0.settings.origin != .builtIn } }
  /// The configuration file, if there is one.
  let file: String?
  let workingDirectory: String

  init(
    _ general: Sourced<Settings>, listeners: [SourcedListener], plugins: [Sourced<PluginSettings>], file: String?,
    workingDirectory: String
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
    self.workingDirectory = workingDirectory
    self.general = general
  }

  /// The origin of the value of a key such as `timeouts.head`; for keys in arrays of tables see the other functions.
  package func origin(of key: String) -> Origin { general.origin(of: key) }

  /// The origin of the value of a key of `settings.plugins[index]`, such as `plugin.path`, for errors that occur only
  /// when the plugin is loaded.
  package func origin(of key: String, plugin index: Int) -> Origin {
    plugins.indices.contains(index) ? plugins[index].origin(of: key) : .builtIn
  }

  /// The origin of the value of a key of `settings.listeners[index]`, such as `listener.bind`.
  package func origin(of key: String, listener index: Int) -> Origin {
    listeners.indices.contains(index) ? listeners[index].settings.origin(of: key) : .builtIn
  }

  /// The origin of the value of a key of `settings.listeners[index].tls.sni[entry]`, such as `listener.tls.sni.key`.
  package func origin(of key: String, listener index: Int, sni entry: Int) -> Origin {
    guard listeners.indices.contains(index), listeners[index].names.indices.contains(entry) else { return .builtIn }
    return listeners[index].names[entry].origin(of: key)
  }
}
