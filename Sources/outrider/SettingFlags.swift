import ArgumentParser
import Configuration

/// The flags that set something: the same on the command line and in OUTRIDER_CMD_ARGS.
struct SettingFlags: ParsableArguments {
  @Option(name: .shortAndLong, help: "The configuration file.", completion: .file(extensions: ["toml"]))
  var config: String?

  @Option(
    name: .shortAndLong, help: "Where to listen: host:port, [v6]:port, unix:/path, fd:N or systemd:NAME. Repeatable.")
  var bind: [String] = []

  @Option(name: .shortAndLong, help: "The number of worker processes, or auto: one per core.")
  var workers: String?

  @Option(name: [.customShort("k"), .long], help: "The worker model: sync, gthread or async.")
  var workerModel: String?

  @Option(help: "The number of threads that run blocking handlers.")
  var threads: String?

  @Option(name: .customLong("set"), help: "Any key: --set timeouts.head=3s. Repeatable.")
  var assignments: [String] = []

  /// What the flags set, each under the name of its flag.
  ///
  /// - Parameter origin: what comes before the flag's name where it is told.
  func overrides(origin: String) throws(MalformedAssignment) -> [ConfigurationSources.Override] {
    var overrides = typed(origin: origin)
    for assignment in assignments {
      guard let equals = assignment.firstIndex(of: "=") else { throw MalformedAssignment(text: assignment) }
      overrides.append(
        ConfigurationSources.Override(
          key: String(assignment[..<equals]), value: String(assignment[assignment.index(after: equals)...]),
          origin: origin + "--set"))
    }
    return overrides
  }

  /// What the flags with a key of their own set.
  func typed(origin: String) -> [ConfigurationSources.Override] {
    var overrides: [ConfigurationSources.Override] = []
    func add(_ key: String, _ value: String?, _ flag: String) {
      guard let value else { return }
      overrides.append(ConfigurationSources.Override(key: key, value: value, origin: origin + flag))
    }
    add("server.workers", workers, "--workers")
    add("server.worker_model", workerModel, "--worker-model")
    add("server.threads", threads, "--threads")
    return overrides
  }
}

/// A `--set` without an equals sign.
struct MalformedAssignment: Error {
  let text: String
}
