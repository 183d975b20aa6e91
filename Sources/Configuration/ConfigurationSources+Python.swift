/// Completes a `[[plugin]]` with an application in Python: reads its `[plugin.config]` and chooses its plugin.
extension ConfigurationSources {
  /// - Parameter directory: the base of relative paths.
  func completeApplication(
    _ plugin: inout Sourced<PluginSettings>, in directory: String, _ reader: inout SchemaReader
  ) {
    guard !plugin.value.application.isEmpty else { return }
    let given = plugin.value.config.table
    let application = plugin.origin(of: "plugin.python")
    if let entry = given["app"] {
      reader.diagnostics.add(
        plugin.flag("plugin.config.app") ?? reader.origin(entry.keyPosition),
        "plugin.config.app: plugin.python (\(application)) names the application")
    }
    var others = given
    others.entries.removeAll { $0.key == "app" }
    reader.read(others, named: "plugin.config", by: PluginSettings.pythonSchema, into: &plugin)
    resolveFolders(of: &plugin, in: directory)
    choosePlace(&plugin, &reader.diagnostics)
    choosePlugin(&plugin, &reader.diagnostics)
    do throws(ValueError) {
      plugin.value.config = try plugin.pythonConfig(given)
    } catch {
      // Values without a JSON form were refused when the table was read.
    }
  }

  private func resolveFolders(of plugin: inout Sourced<PluginSettings>, in directory: String) {
    if plugin.origins["plugin.config.venv"] == nil, let venv = pythonPlugins?.activeVenv, !venv.isEmpty {
      plugin.value.python.venv = venv
      plugin.origins["plugin.config.venv"] = .flag("VIRTUAL_ENV")
    }
    for folder in [\PythonSettings.venv, \.chdir] where !plugin.value.python[keyPath: folder].isEmpty {
      plugin.value.python[keyPath: folder] = PluginSettings.withoutTrailingSlashes(
        PluginSettings.resolve(plugin.value.python[keyPath: folder], in: directory))
    }
  }

  /// Decides between master and worker. `plugin.load` and `preload` must agree.
  private func choosePlace(_ plugin: inout Sourced<PluginSettings>, _ diagnostics: inout DiagnosticList) {
    let preload = plugin.origins["plugin.config.preload"]
    guard plugin.origins["plugin.load"] != nil else {
      plugin.value.load = plugin.value.python.preload ? .master : .worker
      plugin.origins["plugin.load"] = preload ?? plugin.origin(of: "plugin.python")
      return
    }
    let isLoadedInMaster = plugin.value.load == .master
    if let preload, plugin.value.python.preload != isLoadedInMaster {
      diagnostics.add(
        preload, key: "plugin.config.preload",
        "\(plugin.value.python.preload), but plugin.load is \"\(plugin.value.load.rawValue)\" "
          + "(\(plugin.origin(of: "plugin.load")))")
    }
    plugin.value.python.preload = isLoadedInMaster
  }

  private func choosePlugin(_ plugin: inout Sourced<PluginSettings>, _ diagnostics: inout DiagnosticList) {
    guard plugin.origins["plugin.path"] == nil, !plugin.invalidKeys.contains("plugin.path") else { return }
    plugin.origins["plugin.path"] = plugin.origin(of: "plugin.python")
    guard let pythonPlugins, !plugin.invalidKeys.contains("plugin.config.venv") else { return }
    do throws(ValueSyntaxError) {
      plugin.value.path = try pythonPlugins.path(venv: plugin.value.python.venv)
    } catch {
      diagnostics.add(
        plugin.origins["plugin.config.venv"] ?? plugin.origin(of: "plugin.python"), error.reason)
    }
  }
}

extension Sourced<PluginSettings> {
  /// The table for the plugin: the application, and every key with its value or default.
  fileprivate func pythonConfig(_ given: TOMLTable) throws(ValueError) -> PluginConfig {
    var table = TOMLTable()
    func set(_ key: String, _ value: TOMLValue) {
      table.entries.append(
        TOMLEntry(
          key: key, keyPosition: given[key]?.keyPosition ?? .start,
          node: TOMLNode(value: value, position: given[key]?.node.position ?? .start)))
    }
    set("app", .string(value.application))
    // The server decides where the application is imported.
    for key in PluginSettings.pythonSchema.keys where key.leaf != "preload" {
      set(key.leaf, FlagValue.node(key.text(value)).value)
    }
    table.entries.sort { $0.key < $1.key }
    return try PluginConfig(table)
  }
}
