import Configuration
import IPC
import Platform
import PluginHost

/// The plugins of a configuration: those that the master loads, and those that each worker loads for itself.
package struct PluginSet: Sendable {
  private let configuration: Configuration
  /// By index in the configuration; nil while not loaded.
  private var plugins: [Plugin?]

  package init(_ configuration: Configuration) {
    self.configuration = configuration
    plugins = configuration.settings.plugins.map { _ in nil }
  }

  /// Loads the plugins that belong to `process`, in order. Reports the errors of all plugins, not only the first.
  ///
  /// - Parameters:
  ///   - willLoad: called with the name of each plugin before its code runs.
  ///   - willRun: called with each hook before its code runs.
  package mutating func load(
    in process: LoadingProcess, purpose: PluginLoader.Purpose, willLoad: (String) -> Void = { _ in },
    willRun: (RunningHook) -> Void = { _ in }
  ) throws(PluginSetError) {
    var faults: [String] = []
    for (index, settings) in configuration.settings.plugins.enumerated() where settings.load == process {
      willLoad(settings.name)
      do throws(PluginSetError) {
        plugins[index] = try load(index, purpose, willRun)
      } catch {
        faults.append(error.description)
      }
    }
    guard faults.isEmpty else { throw PluginSetError(description: faults.joined(separator: "\n")) }
  }

  private func load(
    _ index: Int, _ purpose: PluginLoader.Purpose, _ willRun: (RunningHook) -> Void
  ) throws(PluginSetError) -> Plugin {
    do throws(PluginLoadError) {
      return try PluginLoader.load(entry(index), purpose: purpose) { willRun(RunningHook(plugin: index, $0)) }
    } catch {
      let lines = error.configurationErrors
      let own = error.isOnlyConfiguration ? [] : [fault(of: index, "\(error)").description]
      throw PluginSetError(description: (lines + own).joined(separator: "\n"))
    }
  }

  private func entry(_ index: Int) -> PluginLoader.Entry {
    PluginLoader.Entry(configuration.settings.plugins[index], configuration.pluginConfig(index), number: index)
  }

  private func fault(of index: Int, _ message: String) -> PluginSetError {
    let origin = configuration.origin(of: "plugin.path", plugin: index)
    return PluginSetError(description: "\(ConfigurationDiagnostic(origin: origin, message: message))")
  }

  // MARK: Checking that they load

  /// The indices of all plugins in the order in which a check loads them. Plugins that workers load come last: they may
  /// start threads, and plugins that the master loads must not run beside threads.
  package var checkOrder: [Int] {
    let loads = configuration.settings.plugins.map(\.load)
    return loads.indices.filter { loads[$0] == .master } + loads.indices.filter { loads[$0] == .worker }
  }

  /// Loads one plugin to check whether it loads.
  ///
  /// - Parameter willRun: called with each hook before its code runs.
  package func check(_ index: Int, willRun: (RunningHook) -> Void) throws(PluginSetError) {
    _ = try load(index, .check, willRun)
  }

  /// The error of a plugin that did not return from a check.
  package func checkFault(_ index: Int, _ reason: String) -> PluginSetError {
    let plugin = configuration.settings.plugins[index]
    return fault(of: index, "\(PluginLoadError(plugin: plugin.name, path: plugin.path, reason))")
  }

  /// The plugins that are loaded in this process, in the order of the configuration.
  package var loaded: [Plugin] { plugins.compactMap { $0 } }

  package var names: [String] { configuration.settings.plugins.map(\.name) }

  /// A description of each plugin.
  package var infos: [PluginInfo] {
    zip(configuration.settings.plugins, plugins).map { settings, plugin in
      guard let plugin else {
        return PluginInfo(
          name: settings.name, mount: settings.mount, path: settings.path, title: "loaded in each worker", styles: "")
      }
      return PluginInfo(plugin)
    }
  }
}

/// Why plugins can't serve: a line for each plugin.
package struct PluginSetError: Error, CustomStringConvertible {
  package let description: String
}

extension PluginLoader.Entry {
  fileprivate init(_ settings: PluginSettings, _ list: PluginConfigList, number: Int) {
    let config = settings.config
    self.init(
      number: number, name: settings.name, path: settings.path, mount: settings.mount,
      isPerWorker: settings.load == .worker,
      configuration: PluginConfiguration(
        json: config.json, items: list.items.map(PluginConfigurationItem.init), folder: settings.folder,
        messages: PluginConfiguration.Messages(
          line: { list.line($0, key: $1, $2) }, unknownKeys: { list.unknownKeys(of: $0, known: $1) })
      ) { key in
        config.value(forDottedKey: key).map(PluginConfiguration.Value.init)
      })
  }
}

extension PluginConfigurationItem {
  fileprivate init(_ item: PluginConfigList.Item) {
    let value: Value =
      switch item.value {
      case .string(let text): .string(text)
      case .integer(let number): .integer(number)
      case .float(let number): .float(number)
      case .boolean(let truth): .boolean(truth)
      case .date(let text): .date(text)
      case .array(let range): .array(range)
      case .table(let range): .table(range)
      }
    self.init(key: item.key, value)
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

extension PluginInfo {
  fileprivate init(_ plugin: Plugin) {
    let record = plugin.record
    let styles = [record.hasBlockingStyle ? "blocking" : "", record.hasEventStyle ? "event" : ""]
    self.init(
      name: record.nameText, mount: record.mountText, path: record.path, title: record.title,
      styles: styles.filter { !$0.isEmpty }.joined(separator: ", "))
  }
}
