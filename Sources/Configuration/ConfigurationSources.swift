/// All that the configuration is made from, in the order of their say: flags, the file, defaults.
package struct ConfigurationSources: Sendable {
  /// The largest file that is read, in bytes.
  package static let largestFile = 1 << 20

  /// The bytes of a configuration file.
  package struct File: Sendable {
    /// As the user named it: faults and the dump call it so, and relative paths in it start from its directory.
    package let name: String
    package let bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
      self.name = name
      self.bytes = bytes
    }
  }

  /// A key with its value from outside the file.
  package struct Override: Sendable {
    package let key: String
    /// TOML, or a bare word taken as text.
    package let value: String
    /// The flag: `--workers`, `OUTRIDER_CMD_ARGS --set`. One that ends in `--set` is shown with its key.
    package let origin: String

    package init(key: String, value: String, origin: String) {
      self.key = key
      self.value = value
      self.origin = origin
    }

    var shownOrigin: Origin {
      .flag(origin.hasSuffix("--set") ? "\(origin) \(QuotedText.shortened(key, to: 64))" : origin)
    }
  }

  /// An address from outside the file.
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
  /// A plugin named on the command line: it alone is served then, on `/`, whatever the file has.
  package var plugin: String?
  /// The later has the say; so those of OUTRIDER_CMD_ARGS come before those of the command line.
  package var overrides: [Override]
  /// They replace the listeners of the file. Those of the command line replace those of OUTRIDER_CMD_ARGS, which the
  /// caller then leaves out.
  package var binds: [Bind]
  /// Absolute; relative file names and plugins start from it.
  package var workingDirectory: String

  package init(
    file: File? = nil, plugin: String? = nil, overrides: [Override] = [], binds: [Bind] = [],
    workingDirectory: String = ""
  ) {
    self.file = file
    self.plugin = plugin
    self.overrides = overrides
    self.binds = binds
    self.workingDirectory = workingDirectory
  }

  /// The configuration that these sources make.
  ///
  /// With neither file nor plugin there is a configuration without plugins: that there is nothing to serve is for the
  /// caller to say.
  ///
  /// - Throws: all that is wrong with it.
  package func read() throws(ConfigurationFaults) -> Configuration {
    var reader = SchemaReader(file: file?.name ?? "", faults: FaultList())
    let root = readFile(&reader)

    var traced = Traced(value: Settings.schema.defaults)
    if let root { reader.read(root, named: "", by: Settings.schema, into: &traced) }
    for override in overrides { apply(override, to: &traced, &reader.faults) }
    if file != nil, traced.origins["control.socket"] == nil {
      traced.value.control.socket = Settings.Control.usualSocket
    }
    checkConstraints(traced, &reader.faults)
    let listeners = readListeners(root, &reader)
    let plugins = readPlugins(root, &reader)
    checkProtocols(listeners, traced, &reader.faults)

    try reader.faults.check()
    return Configuration(traced, listeners: listeners, plugins: plugins, file: file?.name)
  }

  /// The root table of the file; nil if there is no file or no TOML in it.
  private func readFile(_ reader: inout SchemaReader) -> TOMLTable? {
    guard let file else { return nil }
    guard file.bytes.count <= Self.largestFile else {
      reader.faults.add(reader.origin(.start), "the file is larger than 1 MiB")
      return nil
    }
    do throws(TOMLError) {
      return try TOMLDocument.parse(file.bytes)
    } catch {
      reader.faults.add(reader.origin(error.position), error.message)
      return nil
    }
  }

  private func apply(_ override: Override, to traced: inout Traced<Settings>, _ faults: inout FaultList) {
    let origin = override.shownOrigin
    if let key = Settings.schema[override.key] {
      do throws(ValueFaults) {
        try key.store(FlagValue.node(override.value), &traced.value)
        traced.origins[key.name] = origin
      } catch {
        traced.faulty.insert(key.name)
        for fault in error.faults { faults.add(origin, key: key.name, fault.message) }
      }
      return
    }
    switch override.key.prefix(while: { $0 != "." }) {
    case "listener": faults.add(origin, "listeners are set by --bind or in the file")
    case "plugin": faults.add(origin, "plugins are set in the file or named on the command line")
    default:
      if let first = Settings.schema.keys(of: override.key).first, !override.key.isEmpty {
        faults.add(origin, "\(QuotedText.shown(override.key)) is a table: set a key of it, such as \(first.name)")
      } else {
        let suggestion = Suggestion.all.clause(for: override.key)
        faults.add(origin, "unknown key \(QuotedText.shown(override.key))\(suggestion)")
      }
    }
  }

  private func checkConstraints(_ traced: Traced<Settings>, _ faults: inout FaultList) {
    for constraint in Settings.constraints where !constraint.holds(traced.value) {
      if traced.faulty.contains(constraint.key) || traced.faulty.contains(constraint.other) { continue }
      guard let key = Settings.schema[constraint.key], let other = Settings.schema[constraint.other] else { continue }
      // The one that somebody set, if the other is a default.
      let isDefault = traced.origin(of: key.name) == .builtIn
      faults.add(
        traced.origin(of: isDefault ? other.name : key.name), key: isDefault ? other.name : key.name,
        isDefault
          ? "\(other.text(traced.value)) is above \(key.name), \(key.text(traced.value))"
          : "\(key.text(traced.value)) is below \(other.name), \(other.text(traced.value))")
    }
  }
}
