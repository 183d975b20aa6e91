import Configuration
import Platform
import PluginHost

/// All plugins of a configuration, loaded.
package enum PluginSet {
  /// Loads each in turn; every fault is told, not only the first.
  ///
  /// - Parameter willLoad: gets the name of each plugin before its code runs.
  package static func load(
    _ configuration: Configuration, purpose: PluginLoader.Purpose, willLoad: (String) -> Void = { _ in }
  ) throws(StartFault) -> [Plugin] {
    var plugins: [Plugin] = []
    var faults: [String] = []
    for (index, settings) in configuration.settings.plugins.enumerated() {
      let config = settings.config
      let entry = PluginLoader.Entry(
        number: index, name: settings.name, path: settings.path, mount: settings.mount,
        configuration: PluginConfiguration(json: config.json) { key in
          config.value(forDottedKey: key).map(PluginConfiguration.Value.init)
        })
      willLoad(settings.name)
      do throws(LoadFault) {
        plugins.append(try PluginLoader.load(entry, purpose: purpose))
      } catch {
        let origin = configuration.origin(of: "plugin.path", plugin: index)
        faults.append("\(ConfigurationFault(origin: origin, message: "\(error)"))")
      }
    }
    guard faults.isEmpty else { throw StartFault(faults.joined(separator: "\n"), .configuration) }
    return plugins
  }
}

extension PluginConfiguration.Value {
  init(_ value: PluginConfigValue) {
    switch value {
    case .string(let bytes): self = .string(bytes)
    case .integer(let number): self = .integer(number)
    case .boolean(let truth): self = .boolean(truth)
    case .other: self = .other
    }
  }
}

extension PluginNotice {
  init(_ plugin: Plugin) {
    let record = plugin.record
    let styles = [record.hasBlockingStyle ? "blocking" : "", record.hasEventStyle ? "event" : ""]
    self.init(
      name: record.nameText, mount: record.mountText, path: record.path, title: record.title,
      styles: styles.filter { !$0.isEmpty }.joined(separator: ", "))
  }
}
