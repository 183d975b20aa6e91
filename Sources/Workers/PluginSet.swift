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
      do throws(PluginFaults) {
        plugins[index] = try load(index, purpose)
      } catch {
        faults.append(error.description)
      }
    }
    guard faults.isEmpty else { throw PluginFaults(description: faults.joined(separator: "\n")) }
  }

  private func load(_ index: Int, _ purpose: PluginLoader.Purpose) throws(PluginFaults) -> Plugin {
    do throws(LoadFault) {
      return try PluginLoader.load(
        PluginLoader.Entry(configuration.settings.plugins[index], number: index), purpose: purpose)
    } catch {
      throw fault(of: index, "\(error)")
    }
  }

  private func fault(of index: Int, _ message: String) -> PluginFaults {
    let origin = configuration.origin(of: "plugin.path", plugin: index)
    return PluginFaults(description: "\(ConfigurationFault(origin: origin, message: message))")
  }

  // MARK: To see whether they load

  /// The places of all of them, in the order in which a check loads them. The workers' own come last: they may start threads,
  /// and those before them must not.
  package var checkOrder: [Int] {
    let loads = configuration.settings.plugins.map(\.load)
    return loads.indices.filter { loads[$0] == .master } + loads.indices.filter { loads[$0] == .worker }
  }

  /// Loads one of them, to see whether it loads.
  package func check(_ index: Int) throws(PluginFaults) { _ = try load(index, .check) }

  /// One of them has not come back from that.
  package func checkFault(_ index: Int, _ reason: String) -> PluginFaults {
    let plugin = configuration.settings.plugins[index]
    return fault(of: index, "\(LoadFault(plugin: plugin.name, path: plugin.path, reason))")
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
