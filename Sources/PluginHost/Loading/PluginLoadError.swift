/// Why a plugin can't be loaded: one line for the operator, and a line for each error that the plugin has found in its
/// configuration.
package struct PluginLoadError: Error, CustomStringConvertible {
  package let description: String
  /// Complete lines, with positions in the file.
  package var configurationErrors: [String] = []
  /// There is no other error.
  package var isOnlyConfiguration = false

  package init(plugin: String, path: String, _ reason: String) {
    description = "plugin \"\(plugin)\": \(path): \(reason)"
  }
}
