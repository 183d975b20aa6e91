import Configuration
import Platform
import PluginHost

/// The plugins of a configuration: those that the master has loaded, and those that each worker loads for itself.
package struct PluginSet: Sendable {
  private let configuration: Configuration
  /// By their places in the configuration; nil while not loaded.
  private var plugins: [Plugin?]

  package init(_ configuration: Configuration) {
    self.configuration = configuration
    plugins = configuration.settings.plugins.map { _ in nil }
  }

  /// Loads each of those that belong to `process` in turn; every fault is told, not only the first.
  ///
  /// - Parameter willLoad: gets the name of each plugin before its code runs.
  package mutating func load(
    in process: LoadingProcess, purpose: PluginLoader.Purpose, willLoad: (String) -> Void = { _ in }
  ) throws(PluginFaults) {
    var faults: [String] = []
    for (index, settings) in configuration.settings.plugins.enumerated() where settings.load == process {
      willLoad(settings.name)
      do throws(LoadFault) {
        plugins[index] = try PluginLoader.load(PluginLoader.Entry(settings, number: index), purpose: purpose)
      } catch {
        let origin = configuration.origin(of: "plugin.path", plugin: index)
        faults.append("\(ConfigurationFault(origin: origin, message: "\(error)"))")
      }
    }
    guard faults.isEmpty else { throw PluginFaults(description: faults.joined(separator: "\n")) }
  }

  /// Loads all of them, to see whether they load.
  package static func check(_ configuration: Configuration) throws(PluginFaults) {
    var plugins = PluginSet(configuration)
    var faults: [String] = []
    // The workers' own come last: they may start threads, and those before them must not.
    for process in [LoadingProcess.master, .worker] {
      do throws(PluginFaults) {
        try plugins.load(in: process, purpose: .check)
      } catch {
        faults.append(error.description)
      }
    }
    guard faults.isEmpty else { throw PluginFaults(description: faults.joined(separator: "\n")) }
  }

  /// Those that are loaded here, in the order of the configuration.
  package var loaded: [Plugin] { plugins.compactMap { $0 } }

  package var names: [String] { configuration.settings.plugins.map(\.name) }

  /// What there is to say of each.
  package var notices: [PluginNotice] {
    zip(configuration.settings.plugins, plugins).map { settings, plugin in
      guard let plugin else {
        return PluginNotice(
          name: settings.name, mount: settings.mount, path: settings.path, title: "loaded in each worker", styles: "")
      }
      return PluginNotice(plugin)
    }
  }
}

/// Why plugins can't serve: a line for each of them.
package struct PluginFaults: Error, CustomStringConvertible {
  package let description: String
}

extension PluginLoader.Entry {
  fileprivate init(_ settings: PluginSettings, number: Int) {
    let config = settings.config
    self.init(
      number: number, name: settings.name, path: settings.path, mount: settings.mount,
      isWorkersOwn: settings.load == .worker,
      configuration: PluginConfiguration(json: config.json) { key in
        config.value(forDottedKey: key).map(PluginConfiguration.Value.init)
      })
  }
}

extension PluginConfiguration.Value {
  fileprivate init(_ value: PluginConfigValue) {
    switch value {
    case .string(let bytes): self = .string(bytes)
    case .integer(let number): self = .integer(number)
    case .boolean(let truth): self = .boolean(truth)
    case .other: self = .other
    }
  }
}

extension PluginNotice {
  fileprivate init(_ plugin: Plugin) {
    let record = plugin.record
    let styles = [record.hasBlockingStyle ? "blocking" : "", record.hasEventStyle ? "event" : ""]
    self.init(
      name: record.nameText, mount: record.mountText, path: record.path, title: record.title,
      styles: styles.filter { !$0.isEmpty }.joined(separator: ", "))
  }
}
