extension ConfigurationSources {
  /// The listeners of flags, or else of the file, or else the one by default; no two on one address.
  func readListeners(_ root: TOMLTable?, _ reader: inout SchemaReader) -> [TracedListener] {
    let schema = ListenerSettings.schema
    var names: [[Traced<ServerNameSettings>]] = []
    let inFile =
      root.map { root in
        reader.readList(named: "listener", key: "listener", in: root, by: schema) { table, reader in
          names.append(reader.readServerNames(of: table))
        }
      } ?? []
    var listeners = zip(inFile, names).map { TracedListener(settings: $0, names: $1) }
    for index in listeners.indices { checkTLS(&listeners[index], &reader.faults) }
    if !binds.isEmpty { listeners = readBinds(&reader.faults).map { TracedListener(settings: $0) } }
    for listener in listeners { checkFileSettings(listener.settings, &reader.faults) }
    checkDistinctAddresses(listeners.map(\.settings), &reader.faults)
    return listeners.isEmpty ? [TracedListener(settings: Traced(value: schema.defaults))] : listeners
  }

  private func checkDistinctAddresses(_ listeners: [Traced<ListenerSettings>], _ faults: inout FaultList) {
    var taken: [BindAddress: Origin] = [:]
    for listener in listeners where !listener.faulty.contains("listener.bind") {
      let address = listener.value.bind
      // Each such listener gets a port of its own.
      if case .inet(_, port: 0) = address { continue }
      let origin = listener.origins["listener.bind"] ?? listener.origin
      if let first = taken[address] {
        faults.add(origin, key: "listener.bind", "\(address) is bound already (\(first))")
      } else {
        taken[address] = origin
      }
    }
  }

  /// Only the file of a unix socket that is made here has a mode and an owner.
  private func checkFileSettings(_ listener: Traced<ListenerSettings>, _ faults: inout FaultList) {
    if case .unix = listener.value.bind { return }
    if listener.faulty.contains("listener.bind") { return }
    let defaults = ListenerSettings.schema.defaults
    for name in ["listener.mode", "listener.owner", "listener.group"] {
      guard let origin = listener.origins[name], let key = ListenerSettings.schema[name] else { continue }
      // The dump has every key, with its default if need be.
      if key.text(listener.value) == key.text(defaults) { continue }
      faults.add(origin, key: name, "only for unix sockets, not for \(listener.value.bind)")
    }
  }

  /// One connection at a time, closed after its answer, has no use for streams.
  func checkProtocols(
    _ listeners: [TracedListener], _ general: Traced<Settings>, _ faults: inout FaultList
  ) {
    guard general.value.server.workerModel == .sync, !general.faulty.contains("server.worker_model") else { return }
    for listener in listeners where listener.settings.value.h2c {
      faults.add(
        listener.settings.origin(of: "listener.h2c"), key: "listener.h2c",
        "there is no HTTP/2 with server.worker_model = \"sync\"; take gthread or async, or leave h2c out")
    }
  }

  private func readBinds(_ faults: inout FaultList) -> [Traced<ListenerSettings>] {
    var listeners: [Traced<ListenerSettings>] = []
    for bind in binds {
      let origin = Origin.flag(bind.origin)
      do throws(Refusal) {
        var listener = Traced(
          value: ListenerSettings.schema.defaults, origins: ["listener.bind": origin], origin: origin)
        listener.value.bind = try BindAddress(bind.address)
        listeners.append(listener)
      } catch {
        faults.add(origin, error.reason)
      }
    }
    return listeners
  }

  /// The plugin of the command line, or else those of the file; no two with one name or one mount.
  func readPlugins(_ root: TOMLTable?, _ reader: inout SchemaReader) -> [Traced<PluginSettings>] {
    var plugins = root.map { reader.readList(named: "plugin", key: "plugin", in: $0, by: PluginSettings.schema) } ?? []
    if let plugin {
      plugins = [readPlugin(plugin, &reader.faults)]
    } else if let root, root["plugin"]?.node.value ?? .array([]) == .array([]) {
      reader.faults.add(reader.origin(.start), "no [[plugin]] is configured")
    }
    for index in plugins.indices where plugins[index].origins["plugin.name"] == nil {
      plugins[index].value.name = PluginSettings.name(ofFile: plugins[index].value.path)
    }
    let directory = plugin == nil ? fileDirectory : workingDirectory
    for index in plugins.indices {
      let hasPath = plugins[index].origins["plugin.path"] != nil
      if !hasPath, !plugins[index].faulty.contains("plugin.path") {
        reader.faults.add(plugins[index].origin, "plugin.path is missing")
      }
      // Without a path there is no name to be like another's.
      if !hasPath { plugins[index].faulty.insert("plugin.name") }
      plugins[index].value.path = PluginSettings.resolve(plugins[index].value.path, in: directory)
    }
    checkDistinct(plugins, "plugin.name", \.name, "give this one a name of its own", &reader.faults)
    checkDistinct(plugins, "plugin.mount", \.mount, "one plugin a mount", &reader.faults)
    return plugins
  }

  private func readPlugin(_ path: String, _ faults: inout FaultList) -> Traced<PluginSettings> {
    let origin = Origin.flag("command line")
    do throws(Refusal) {
      try PluginSettings.checkPath(path)
    } catch {
      faults.add(origin, error.reason)
    }
    var plugin = Traced(value: PluginSettings.schema.defaults, origins: ["plugin.path": origin], origin: origin)
    plugin.value.path = path
    return plugin
  }

  private func checkDistinct(
    _ plugins: [Traced<PluginSettings>], _ key: String, _ property: KeyPath<PluginSettings, String>, _ advice: String,
    _ faults: inout FaultList
  ) {
    var taken: [String: Origin] = [:]
    for plugin in plugins where !plugin.faulty.contains(key) {
      let value = plugin.value[keyPath: property]
      let origin = plugin.origins[key] ?? plugin.origin
      if let first = taken[value] {
        faults.add(origin, key: key, "\(QuotedText.shown(value)) is taken already (\(first)); \(advice)")
      } else {
        taken[value] = origin
      }
    }
  }

  /// The directory of the file, in the working directory unless the file's name is absolute.
  var fileDirectory: String {
    let name = file?.name ?? ""
    guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return workingDirectory }
    return PluginSettings.resolve(String(name[...slash]), in: workingDirectory)
  }
}
