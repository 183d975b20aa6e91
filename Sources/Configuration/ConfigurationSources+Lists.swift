extension ConfigurationSources {
  /// The listeners of flags, else those of the file, else the default one; each has an address of its own.
  func readListeners(_ root: TOMLTable?, _ reader: inout SchemaReader) -> [SourcedListener] {
    let schema = ListenerSettings.schema
    var names: [[Sourced<ServerNameSettings>]] = []
    let inFile =
      root.map { root in
        reader.readList(named: "listener", key: "listener", in: root, by: schema) { table, reader in
          names.append(reader.readServerNames(of: table))
        }
      } ?? []
    var listeners = zip(inFile, names).map { SourcedListener(settings: $0, names: $1) }
    for index in listeners.indices { checkTLS(&listeners[index], &reader.diagnostics) }
    if !binds.isEmpty { listeners = readBinds(&reader.diagnostics).map { SourcedListener(settings: $0) } }
    for listener in listeners {
      checkFileSettings(listener.settings, &reader.diagnostics)
      checkFamily(listener.settings, &reader.diagnostics)
    }
    checkDistinctAddresses(listeners.map(\.settings), &reader.diagnostics)
    return listeners.isEmpty ? [SourcedListener(settings: Sourced(value: schema.defaults))] : listeners
  }

  private func checkDistinctAddresses(_ listeners: [Sourced<ListenerSettings>], _ diagnostics: inout DiagnosticList) {
    var taken: [(address: BindAddress, takesIPv4: Bool, origin: Origin)] = []
    for listener in listeners where !listener.invalidKeys.contains("listener.bind") {
      let address = listener.value.bind
      let origin = listener.origins["listener.bind"] ?? listener.origin
      let takesIPv4 = !listener.value.isIPv6Only
      if let first = taken.first(where: {
        $0.address.overlaps(address, takesIPv4: $0.takesIPv4, otherTakesIPv4: takesIPv4)
      }) {
        diagnostics.add(origin, key: "listener.bind", "\(address) is bound already (\(first.origin))")
      } else {
        taken.append((address, takesIPv4, origin))
      }
    }
  }

  /// Checks that the supervisor's own sockets use no listener's address, and different ones.
  func checkSupervisorAddresses(
    _ general: Sourced<Settings>, _ listeners: [SourcedListener], _ diagnostics: inout DiagnosticList
  ) {
    let control = general.value.control.socket
    // If the file has no listener, the service may be passed sockets in place of the default listener.
    let known = listeners.map(\.settings).filter {
      !$0.invalidKeys.contains("listener.bind") && ($0.origin != .builtIn || namesPlugin)
    }
    var others = known.map {
      (address: $0.value.bind, takesIPv4: !$0.value.isIPv6Only, origin: $0.origins["listener.bind"] ?? $0.origin)
    }
    if !control.isEmpty, !general.invalidKeys.contains("control.socket") {
      let address = BindAddress.unix(path: control)
      let origin = general.origin(of: "control.socket")
      if let first = others.first(where: { $0.address.overlaps(address) }) {
        diagnostics.add(origin, key: "control.socket", "\(control) is a listener's (\(first.origin))")
      }
      others.append((address, false, origin))
    }
    guard let metrics = general.value.metrics.bind, !general.invalidKeys.contains("metrics.bind"),
      let first = others.first(where: { $0.address.overlaps(metrics, takesIPv4: $0.takesIPv4) })
    else { return }
    diagnostics.add(
      general.origin(of: "metrics.bind"), key: "metrics.bind",
      "\(metrics) is bound already (\(first.origin)): metrics are served on an address of their own")
  }

  /// Only a unix socket that is bound here has a file with a mode and an owner.
  private func checkFileSettings(_ listener: Sourced<ListenerSettings>, _ diagnostics: inout DiagnosticList) {
    if case .unix = listener.value.bind { return }
    if listener.invalidKeys.contains("listener.bind") { return }
    let defaults = ListenerSettings.schema.defaults
    for name in ["listener.mode", "listener.owner", "listener.group"] {
      guard let origin = listener.origins[name], let key = ListenerSettings.schema[name] else { continue }
      // The dump contains every key, even with its default.
      if key.text(listener.value) == key.text(defaults) { continue }
      diagnostics.add(origin, key: name, "only for unix sockets, not for \(listener.value.bind)")
    }
  }

  /// Only an IPv6 address that is bound here can accept IPv4 as well.
  private func checkFamily(_ listener: Sourced<ListenerSettings>, _ diagnostics: inout DiagnosticList) {
    guard !listener.value.isIPv6Only, !listener.invalidKeys.contains("listener.bind"),
      let origin = listener.origins["listener.ipv6_only"]
    else { return }
    if case .inet(let address, _) = listener.value.bind, !address.isIPv4 { return }
    diagnostics.add(
      origin, key: "listener.ipv6_only",
      "false is only for IPv6 addresses, such as [::]:80, not for \(listener.value.bind)")
  }

  /// HTTP/2 makes no sense in a model that serves one connection at a time and closes it after the response.
  func checkProtocols(
    _ listeners: [SourcedListener], _ general: Sourced<Settings>, _ diagnostics: inout DiagnosticList
  ) {
    guard general.value.server.workerModel == .sync, !general.invalidKeys.contains("server.worker_model") else {
      return
    }
    for listener in listeners where listener.settings.value.h2c {
      diagnostics.add(
        listener.settings.origin(of: "listener.h2c"), key: "listener.h2c",
        "there is no HTTP/2 with server.worker_model = \"sync\"; take gthread or async, or leave h2c out")
    }
  }

  private func readBinds(_ diagnostics: inout DiagnosticList) -> [Sourced<ListenerSettings>] {
    var listeners: [Sourced<ListenerSettings>] = []
    for bind in binds {
      let origin = Origin.flag(bind.origin)
      do throws(ValueSyntaxError) {
        var listener = Sourced(
          value: ListenerSettings.schema.defaults, origins: ["listener.bind": origin], origin: origin)
        listener.value.bind = try BindAddress(bind.address)
        listeners.append(listener)
      } catch {
        diagnostics.add(origin, error.reason)
      }
    }
    for override in overrides where override.isOfBinds { apply(override, to: &listeners, &diagnostics) }
    return listeners
  }

  /// Sets a key of all of them.
  private func apply(
    _ override: Override, to listeners: inout [Sourced<ListenerSettings>], _ diagnostics: inout DiagnosticList
  ) {
    guard let key = ListenerSettings.schema[override.key] else { return }
    let origin = override.shownOrigin
    for index in listeners.indices {
      do throws(ValueError) {
        try key.store(FlagValue.node(override.value), &listeners[index].value)
        listeners[index].origins[key.name] = origin
      } catch {
        // What is wrong with it for one is wrong for all.
        for diagnostic in error.diagnostics { diagnostics.add(origin, key: key.name, diagnostic.message) }
        return
      }
    }
  }

  /// The plugin of the command line, or else those of the file; no two with one name or one mount.
  func readPlugins(
    _ root: TOMLTable?, _ general: Sourced<Settings>, _ reader: inout SchemaReader
  ) -> [Sourced<PluginSettings>] {
    var plugins = root.map { reader.readList(named: "plugin", key: "plugin", in: $0, by: PluginSettings.schema) } ?? []
    if !namesPlugin {
      for setting in pluginSettings {
        reader.diagnostics.add(
          setting.shownOrigin,
          "only for a PLUGIN.so of the command line, or --python; those of a file are configured there")
      }
    }
    if let plugin {
      plugins = [readPlugin(plugin, &reader.diagnostics)]
    } else if let python {
      plugins = [readApplication(python, &reader.diagnostics)]
    } else if let root, root["plugin"]?.node.value ?? .array([]) == .array([]) {
      reader.diagnostics.add(reader.origin(.start), "no [[plugin]] is configured")
    }
    let directory = namesPlugin ? workingDirectory : fileDirectory
    for index in plugins.indices { completeApplication(&plugins[index], in: directory, &reader) }
    for index in plugins.indices where plugins[index].origins["plugin.name"] == nil {
      let application = plugins[index].value.application
      plugins[index].value.name =
        application.isEmpty
        ? PluginSettings.name(ofFile: plugins[index].value.path) : PluginSettings.name(ofApplication: application)
    }
    for index in plugins.indices { plugins[index].takePace(of: general) }
    for index in plugins.indices {
      plugins[index].value.folder = PluginSettings.withoutTrailingSlashes(directory)
      let hasPath = plugins[index].origins["plugin.path"] != nil
      if !hasPath, !plugins[index].invalidKeys.contains("plugin.path") {
        reader.diagnostics.add(plugins[index].origin, "plugin.path is missing")
      }
      // Without a path there is no default name that could be a duplicate.
      if !hasPath { plugins[index].invalidKeys.insert("plugin.name") }
      plugins[index].value.path = PluginSettings.resolve(plugins[index].value.path, in: directory)
    }
    checkDistinct(plugins, "plugin.name", \.name, "give this one a name of its own", &reader.diagnostics)
    checkDistinct(plugins, "plugin.mount", \.mount, "one plugin a mount", &reader.diagnostics)
    return plugins
  }

  private func readPlugin(_ path: String, _ diagnostics: inout DiagnosticList) -> Sourced<PluginSettings> {
    let origin = Origin.flag("command line")
    do throws(ValueSyntaxError) {
      try PluginSettings.checkPath(path)
    } catch {
      diagnostics.add(origin, error.reason)
    }
    var plugin = Sourced(value: PluginSettings.schema.defaults, origins: ["plugin.path": origin], origin: origin)
    plugin.value.path = path
    apply(pluginSettings, to: &plugin, &diagnostics)
    return plugin
  }

  private func readApplication(
    _ application: String, _ diagnostics: inout DiagnosticList
  ) -> Sourced<PluginSettings> {
    let origin = Origin.flag("--python")
    if application.isEmpty { diagnostics.add(origin, "an empty application") }
    do throws(ValueSyntaxError) {
      try PluginSettings.checkApplication(application)
    } catch {
      diagnostics.add(origin, error.reason)
    }
    var plugin = Sourced(value: PluginSettings.schema.defaults, origins: ["plugin.python": origin], origin: origin)
    plugin.value.application = application
    apply(pluginSettings, to: &plugin, &diagnostics)
    return plugin
  }

  private func checkDistinct(
    _ plugins: [Sourced<PluginSettings>], _ key: String, _ property: KeyPath<PluginSettings, String>, _ advice: String,
    _ diagnostics: inout DiagnosticList
  ) {
    var taken: [String: Origin] = [:]
    for plugin in plugins where !plugin.invalidKeys.contains(key) {
      let value = plugin.value[keyPath: property]
      let origin = plugin.origins[key] ?? plugin.origin
      if let first = taken[value] {
        diagnostics.add(origin, key: key, "\(QuotedText.shown(value)) is taken already (\(first)); \(advice)")
      } else {
        taken[value] = origin
      }
    }
  }

  /// The directory of the file, relative to the working directory unless the file's name is absolute.
  var fileDirectory: String {
    let name = file?.name ?? ""
    guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return workingDirectory }
    return PluginSettings.resolve(String(name[...slash]), in: workingDirectory)
  }
}

extension Sourced<PluginSettings> {
  /// Pace settings that the plugin does not have are those of the server.
  fileprivate mutating func takePace(of general: Sourced<Settings>) {
    take("plugin.min_rate", \.minRate, "limits.min_rate", general, general.value.limits.minRate)
    take("plugin.body_timeout", \.bodyTimeout, "timeouts.body", general, general.value.timeouts.body)
    take("plugin.request_timeout", \.requestTimeout, "timeouts.request", general, general.value.timeouts.request)
  }

  private mutating func take<Value>(
    _ key: String, _ property: WritableKeyPath<PluginSettings, Value>, _ other: String, _ general: Sourced<Settings>,
    _ value: Value
  ) {
    guard origins[key] == nil else { return }
    self.value[keyPath: property] = value
    origins[key] = general.origins[other]
  }
}

extension ConfigurationSources.Override {
  /// Whether it is a key that listeners of `--bind` can have: TLS takes a table in the file.
  var isOfBinds: Bool {
    key != "listener.bind" && !key.hasPrefix("listener.tls.") && ListenerSettings.schema[key] != nil
  }
}
