import ArgumentParser
import Completions
import Configuration
import Glibc
import Master
import Platform
import Supervisor
import Workers

/// The command line of the server.
@main
struct OutriderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outrider",
    abstract: "Serve HTTP with handler plugins.",
    discussion: """
      If only PLUGIN.so, or an application with --python, is given, it is served on http://127.0.0.1:8000. Flags override those in OUTRIDER_CMD_ARGS, which \
      override the configuration file.
      """)

  @OptionGroup var flags: SettingFlags

  @OptionGroup var python: PythonFlags

  @OptionGroup var build: BuildFlags

  @Flag(name: [.customShort("t"), .customLong("check")], help: "Check the configuration and the plugins, then exit.")
  var check = false

  @Flag(name: [.customShort("T"), .customLong("dump")], help: "Print the effective configuration as TOML, then exit.")
  var dump = false

  @Flag(name: .shortAndLong, help: "With --check, print nothing if the check succeeds.")
  var quiet = false

  @Flag(name: [.customShort("V"), .customLong("version")], help: "Print the versions of all components, then exit.")
  var version = false

  @Option(
    help: ArgumentHelp(
      "Print the configuration of gunicorn in this file as TOML, name what can't be translated, then exit.",
      valueName: "gunicorn.conf.py"),
    completion: .file(extensions: ["py"]))
  var fromGunicorn: String?

  @Argument(
    help: "The plugin to serve on /; replaces the plugins in the configuration file.",
    completion: .file(extensions: ["so"]))
  var plugin: String?

  /// A supervisor that takes over from another parses no flags, since it may no longer understand them.
  static func main() {
    StandardStreams.openMissing()
    ProcessTitle.reserveSpace()
    Signals.recordSetup()
    StandardStreams.appendToFiles()
    do throws(Errno) {
      if let supervisor = try Supervisor.inherited(arguments: CommandLine.arguments) {
        Process.exit(flushing: try supervisor.run())
      }
    } catch {
      ErrorLog.writeRaw("\(error)")
      Process.exit(flushing: .osError)
    }
    if let script = CompletionScript.requested(of: self, Array(CommandLine.arguments.dropFirst())) {
      Process.exit(flushing: answer(script + "\n"))
    }
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      // A request for help is not an error.
      guard exitCode(for: error).isSuccess else { exit(withError: error) }
      Process.exit(flushing: answer(fullMessage(for: error) + "\n"))
    }
  }

  /// Writes the requested text, and reports a failure to do so.
  private static func answer(_ text: String) -> Platform.ExitCode {
    do throws(Errno) {
      try StandardOutput.write(text)
      return .ok
    } catch {
      ErrorLog.writeRaw("\(error)")
      return .ioError
    }
  }

  func run() throws {
    Process.exit(flushing: perform())
  }

  /// An invalid value of a flag is a usage error, regardless of the file.
  func validate() throws {
    if plugin != nil, python.application != nil {
      throw ValidationError("--python serves an application in place of PLUGIN.so: give one of them")
    }
    let flagsAlone = ConfigurationSources(
      plugin: plugin, python: python.application,
      pluginSettings: flags.pluginSettings(origin: "") + python.settings, overrides: flags.typed(origin: ""),
      binds: flags.bind.map { ConfigurationSources.Bind(address: $0, origin: "--bind") })
    if !flagsAlone.overrides.isEmpty || !flagsAlone.binds.isEmpty || !flagsAlone.pluginSettings.isEmpty
      || python.application != nil
    {
      do {
        _ = try flagsAlone.read()
      } catch {
        throw ValidationError("\(error)")
      }
    }
    for assignment in flags.assignments where !assignment.contains("=") {
      throw ValidationError("--set \(assignment): expected key=value")
    }
  }

  private func perform() -> Platform.ExitCode {
    if version { return OutriderCommand.answer(Versions.text + "\n") }
    if let fromGunicorn { return GunicornTranslation.run(fromGunicorn, application: python.application) }
    do throws(StartError) {
      if let supervisor = try MasterRole.takeChannel() {
        let ownSocket = DefaultControlSocket.path(ofSupervisor: Process.parentID)
        return MasterRole.run(supervisor) { () throws(StartError) in try readConfiguration(ownSocket: ownSocket) }
      }
      if check || dump {
        let configuration = try readConfiguration()
        return dump ? OutriderCommand.answer(configuration.dump()) : try checkFiles(of: configuration)
      }
      try BuildWatcher.begin(build)
      try checkFilesExist()
      return try supervise()
    } catch {
      ErrorLog.writeRaw(error.description)
      return error.code
    }
  }

  // MARK: Configuration

  /// - Parameter ownSocket: see `SettingSources.gather`.
  private func readConfiguration(ownSocket: String? = nil) throws(StartError) -> Configuration {
    try checkFilesExist()
    let sources = try SettingSources.gather(flags, plugin: plugin, python, ownSocket: ownSocket)
    do throws(ConfigurationError) {
      return try sources.read()
    } catch {
      throw StartError(error.description, .configuration)
    }
  }

  /// A file named on the command line must exist: a mistyped name is not an error of the configuration.
  private func checkFilesExist() throws(StartError) {
    let environment = try SettingSources.environmentFlags()
    let file = SettingSources.namedFile(
      flags, environment, namesPlugin: plugin != nil || python.application != nil)
    let named = (plugin.map { [(path: $0, origin: "")] } ?? []) + (file.map { [$0] } ?? [])
    for (path, origin) in named where unsafe access(path, F_OK) != 0 {
      let reason = Errno.reason(errno)
      let advice =
        path == SettingSources.defaultFile ? " (name a PLUGIN.so, an application with --python, or a file with -c)" : ""
      throw StartError("\(origin)\(path): \(reason)\(advice)", .noInput)
    }
  }

  /// Checks certificates, keys and plugins. Errors of the former do not hide errors of the latter.
  private func checkFiles(of configuration: Configuration) throws(StartError) -> Platform.ExitCode {
    var code = Platform.ExitCode.ok
    do throws(StartError) {
      // A missing user is reported below.
      let user = (try? Privileges(configuration))?.serviceUser
      for warning in try ListenerTLSContexts.load(configuration, user: user).warnings {
        ErrorLog.writeRaw(warning, level: .warning)
      }
    } catch {
      ErrorLog.writeRaw(error.description)
      code = error.code
    }
    for error in Listeners.ownershipErrors(configuration) {
      ErrorLog.writeRaw(error.description)
      if code == .ok { code = error.code }
    }
    let plugins = try PluginCheck.run(configuration)
    if code == .ok { code = plugins }
    return code == .ok && !quiet ? OutriderCommand.answer("configuration OK\n") : code
  }

  // MARK: Serving

  private func supervise() throws(StartError) -> Platform.ExitCode {
    do throws(Errno) {
      let supervisor = try Supervisor(
        executable: try ProgramFile.path(calledAs: CommandLine.arguments.first ?? ""), arguments: CommandLine.arguments)
      return try supervisor.run()
    } catch {
      throw StartError("\(error)", .osError)
    }
  }
}
