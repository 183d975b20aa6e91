import ArgumentParser
import Configuration

/// The flags for settings, which are the same on the command line and in OUTRIDER_CMD_ARGS.
struct SettingFlags: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The configuration file; with PLUGIN.so, also key=value in its [plugin.config]. Repeatable.",
      valueName: "file|key=value"),
    completion: .file(extensions: ["toml"]))
  var config: [String] = []

  @Option(
    help: ArgumentHelp(
      "Where to load PLUGIN.so: master, or worker if it starts threads while being loaded.", valueName: "process"),
    completion: .list(LoadingProcess.allCases.map(\.rawValue)))
  var load: String?

  @Option(
    name: .shortAndLong, help: "Where to listen: host:port, [v6]:port, unix:/path, fd:N or systemd:NAME. Repeatable.")
  var bind: [String] = []

  @Option(name: .shortAndLong, help: "The number of worker processes, or auto for one per processor.")
  var workers: String?

  @Option(
    name: [.customShort("k"), .long], help: "The worker model: sync, gthread or async.",
    completion: .list(WorkerModel.allCases.map(\.rawValue)))
  var workerModel: String?

  @Option(help: "The number of threads that run blocking handlers.")
  var threads: String?

  @Flag(help: "Reload when the configuration file, a plugin or an application's .py file changes.")
  var watch = false

  @Option(
    name: .customLong("set"), help: "Set any configuration key, as in --set timeouts.head=3s. Repeatable.",
    completion: .list(Settings.keyNames.map { "\($0)=" }))
  var assignments: [String] = []

  /// The configuration file, if one is given; the last one counts.
  var file: String? { config.last { ConfigurationSources.pluginKey(of: $0) == nil } }

  /// The settings of the plugin that the command line names.
  func pluginSettings(origin: String) -> [ConfigurationSources.Override] {
    var settings: [ConfigurationSources.Override] = []
    for text in config {
      guard let key = ConfigurationSources.pluginKey(of: text) else { continue }
      settings.append(
        ConfigurationSources.Override(
          key: "plugin.config.\(key)", value: String(decoding: text.utf8.dropFirst(key.utf8.count + 1), as: UTF8.self),
          origin: origin + "--config"))
    }
    if let load {
      settings.append(ConfigurationSources.Override(key: "plugin.load", value: load, origin: origin + "--load"))
    }
    return settings
  }

  /// All settings, each with the name of its flag.
  ///
  /// - Parameter origin: the text before the flag's name in messages.
  func overrides(origin: String) throws(AssignmentError) -> [ConfigurationSources.Override] {
    var overrides = typed(origin: origin)
    for assignment in assignments {
      guard let equals = assignment.firstIndex(of: "=") else { throw AssignmentError(text: assignment) }
      overrides.append(
        ConfigurationSources.Override(
          key: String(assignment[..<equals]), value: String(assignment[assignment.index(after: equals)...]),
          origin: origin + "--set"))
    }
    return overrides
  }

  /// The settings of flags with a key of their own.
  func typed(origin: String) -> [ConfigurationSources.Override] {
    var overrides: [ConfigurationSources.Override] = []
    func add(_ key: String, _ value: String?, _ flag: String) {
      guard let value else { return }
      overrides.append(ConfigurationSources.Override(key: key, value: value, origin: origin + flag))
    }
    add("server.workers", workers, "--workers")
    add("server.worker_model", workerModel, "--worker-model")
    add("server.threads", threads, "--threads")
    add("server.watch", watch ? "true" : nil, "--watch")
    return overrides
  }
}

/// A `--set` without an equals sign.
struct AssignmentError: Error {
  let text: String
}
