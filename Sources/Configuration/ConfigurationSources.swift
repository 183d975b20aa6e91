/// The sources of the configuration, in the order of their precedence: flags, the file, defaults.
package struct ConfigurationSources: Sendable {
  /// The maximum size of the file, in bytes.
  package static let largestFile = 1 << 20

  /// The bytes of a configuration file.
  package struct File: Sendable {
    /// The name as given by the user. Diagnostics and the dump use it, and relative paths in the file start from its
    /// directory.
    package let name: String
    package let bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
      self.name = name
      self.bytes = bytes
    }
  }

  /// A key and its value from outside the file.
  package struct Override: Sendable {
    package let key: String
    /// TOML, or a bare word, which is used as text.
    package let value: String
    /// The flag: `--workers`, `OUTRIDER_CMD_ARGS --set`. One that ends in `--set` or `--config` is shown with its key.
    package let origin: String

    package init(key: String, value: String, origin: String) {
      self.key = key
      self.value = value
      self.origin = origin
    }

    /// A key with a text, which is no TOML.
    package init(key: String, text: String, origin: String) {
      self.init(key: key, value: QuotedText.toml(text), origin: origin)
    }

    var shownOrigin: Origin {
      let name = origin.hasSuffix("--set") ? key : origin.hasSuffix("--config") ? pluginConfigKey : nil
      return .flag(name.map { "\(origin) \(QuotedText.shortened($0, to: 64))" } ?? origin)
    }
  }

  /// A listener's address from outside the file.
  package struct Bind: Sendable {
    package let address: String
    /// The flag: `--bind`, `OUTRIDER_CMD_ARGS --bind`.
    package let origin: String

    package init(address: String, origin: String) {
      self.address = address
      self.origin = origin
    }
  }

  package var file: File?
  /// A plugin named on the command line. Only this one is then served, on `/`, regardless of the file.
  package var plugin: String?
  /// A Python application on the command line, instead of a plugin.
  package var python: String?
  /// Finds the plugin for Python applications; nil if only flags are read, for which no plugin is chosen.
  package var pythonPlugins: PythonPlugins?
  /// Its `plugin.load`, and values for keys of its `plugin.config.` table.
  package var pluginSettings: [Override]
  /// Later ones take precedence, so those of OUTRIDER_CMD_ARGS come before those of the command line.
  package var overrides: [Override]
  /// They replace the listeners of the file. If the command line has any, the caller leaves out those of
  /// OUTRIDER_CMD_ARGS.
  package var binds: [Bind]
  /// An absolute path; relative file names and plugins start from it.
  package var workingDirectory: String
  /// The default of `control.socket` without a configuration file.
  package var ownSocket: String?

  package init(
    file: File? = nil, plugin: String? = nil, python: String? = nil, pythonPlugins: PythonPlugins? = nil,
    pluginSettings: [Override] = [], overrides: [Override] = [], binds: [Bind] = [], workingDirectory: String = "",
    ownSocket: String? = nil
  ) {
    self.file = file
    self.plugin = plugin
    self.python = python
    self.pythonPlugins = pythonPlugins
    self.pluginSettings = pluginSettings
    self.overrides = overrides
    self.binds = binds
    self.workingDirectory = workingDirectory
    self.ownSocket = ownSocket
  }

  /// Whether the command line names a plugin or an application.
  var namesPlugin: Bool { plugin != nil || python != nil }

  /// Reads the configuration from these sources.
  ///
  /// Without a file and a plugin the configuration has no plugins. The caller reports that there is nothing to serve.
  ///
  /// - Throws: all errors of the configuration.
  package func read() throws(ConfigurationError) -> Configuration {
    var reader = SchemaReader(file: file?.name ?? "", diagnostics: DiagnosticList())
    let root = readFile(&reader)

    var sourced = Sourced(value: Settings.schema.defaults)
    if let root { reader.read(root, named: "", by: Settings.schema, into: &sourced) }
    for override in overrides { apply(override, to: &sourced, &reader.diagnostics) }
    if sourced.origins["control.socket"] == nil {
      sourced.value.control.socket = file != nil ? Settings.Control.defaultSocket : ownSocket ?? ""
    }
    checkConstraints(sourced, &reader.diagnostics)
    let listeners = readListeners(root, &reader)
    checkSupervisorAddresses(sourced, listeners, &reader.diagnostics)
    let plugins = readPlugins(root, sourced, &reader)
    checkProtocols(listeners, sourced, &reader.diagnostics)

    try reader.diagnostics.check()
    return Configuration(
      sourced, listeners: listeners, plugins: plugins, file: file?.name, workingDirectory: workingDirectory)
  }

  /// The root table of the file; nil if there is no file or it is not valid TOML.
  private func readFile(_ reader: inout SchemaReader) -> TOMLTable? {
    guard let file else { return nil }
    guard file.bytes.count <= Self.largestFile else {
      reader.diagnostics.add(reader.origin(.start), "the file is larger than 1 MiB")
      return nil
    }
    do throws(TOMLError) {
      return try TOMLDocument.parse(file.bytes)
    } catch {
      reader.diagnostics.add(reader.origin(error.position), error.message)
      return nil
    }
  }

  private func apply(_ override: Override, to sourced: inout Sourced<Settings>, _ diagnostics: inout DiagnosticList) {
    let origin = override.shownOrigin
    if let key = Settings.schema[override.key] {
      do throws(ValueError) {
        try key.store(FlagValue.node(override.value), &sourced.value)
        sourced.origins[key.name] = origin
      } catch {
        sourced.invalidKeys.insert(key.name)
        for diagnostic in error.diagnostics { diagnostics.add(origin, key: key.name, diagnostic.message) }
      }
      return
    }
    switch override.key.prefix(while: { $0 != "." }) {
    case "listener":
      // Those of --bind have them: see readBinds.
      if !binds.isEmpty, override.isOfBinds { return }
      let advice = override.isOfBinds ? "; this flag is for those of --bind" : ""
      diagnostics.add(origin, "listeners are set by --bind or in the file\(advice)")
    case "plugin":
      let isOfFlags = override.key == "plugin.load" || override.pluginConfigKey != nil
      let advice = isOfFlags ? "; there --config key=value and --load are for that" : ""
      diagnostics.add(origin, "plugins are set in the file or named on the command line\(advice)")
    default:
      if let first = Settings.schema.keys(of: override.key).first, !override.key.isEmpty {
        diagnostics.add(origin, "\(QuotedText.shown(override.key)) is a table: set a key of it, such as \(first.name)")
      } else {
        let suggestion = Suggestion.all.clause(for: override.key)
        diagnostics.add(origin, "unknown key \(QuotedText.shown(override.key))\(suggestion)")
      }
    }
  }

  private func checkConstraints(_ sourced: Sourced<Settings>, _ diagnostics: inout DiagnosticList) {
    for constraint in Settings.constraints where !constraint.holds(sourced.value) {
      if sourced.invalidKeys.contains(constraint.key) || sourced.invalidKeys.contains(constraint.other) { continue }
      guard let key = Settings.schema[constraint.key], let other = Settings.schema[constraint.other] else { continue }
      // The origin of the key that was set, if the other has its default.
      let isDefault = sourced.origin(of: key.name) == .builtIn
      diagnostics.add(
        sourced.origin(of: isDefault ? other.name : key.name), key: isDefault ? other.name : key.name,
        isDefault
          ? "\(other.text(sourced.value)) is above \(key.name), \(key.text(sourced.value))"
          : "\(key.text(sourced.value)) is below \(other.name), \(other.text(sourced.value))")
    }
  }
}
