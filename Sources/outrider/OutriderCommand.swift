import ArgumentParser
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
      With only a PLUGIN.so it is served on http://127.0.0.1:8000. Flags count more than the same flags in \
      OUTRIDER_CMD_ARGS, those more than the configuration file.
      """)

  @OptionGroup var flags: SettingFlags

  @Flag(name: [.customShort("t"), .customLong("check")], help: "Check the configuration and the plugins, and exit.")
  var check = false

  @Flag(name: [.customShort("T"), .customLong("dump")], help: "Print the effective configuration as TOML, and exit.")
  var dump = false

  @Flag(name: .shortAndLong, help: "With --check, say nothing when all is well.")
  var quiet = false

  @Flag(name: [.customShort("V"), .customLong("version")], help: "Print the versions of all parts, and exit.")
  var version = false

  @Argument(help: "The plugin to serve on /, in place of those of the file.", completion: .file(extensions: ["so"]))
  var plugin: String?

  /// A supervisor that takes over from another reads nothing anew, least of all flags that it may understand no more.
  static func main() {
    Signals.noteSetup()
    StandardStreams.appendToFiles()
    do throws(Errno) {
      if let supervisor = try Supervisor.inherited(arguments: CommandLine.arguments) {
        Process.leave(flushing: try supervisor.run())
      }
    } catch {
      ErrorLog.complain("\(error)")
      Process.leave(flushing: .osError)
    }
    main(nil)
  }

  func run() throws {
    Process.leave(flushing: perform())
  }

  /// A value that a flag can't have is a fault of the command line, whatever the file says.
  func validate() throws {
    let flagsAlone = ConfigurationSources(
      overrides: flags.typed(origin: ""),
      binds: flags.bind.map { ConfigurationSources.Bind(address: $0, origin: "--bind") })
    if !flagsAlone.overrides.isEmpty || !flagsAlone.binds.isEmpty {
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
    if version {
      print(Versions.text)
      return .ok
    }
    do throws(StartFault) {
      if let line = try MasterRole.takeLine() {
        return MasterRole.run(line) { () throws(StartFault) in try readConfiguration() }
      }
      if check || dump {
        let configuration = try readConfiguration()
        return dump ? printDump(configuration) : try checkFiles(of: configuration)
      }
      try checkFilesExist()
      return try supervise()
    } catch {
      ErrorLog.complain(error.description)
      return error.code
    }
  }

  // MARK: Configuration

  private func readConfiguration() throws(StartFault) -> Configuration {
    try checkFilesExist()
    let sources = try SettingSources.gather(flags, plugin: plugin)
    do throws(ConfigurationFaults) {
      return try sources.read()
    } catch {
      throw StartFault(error.description, .configuration)
    }
  }

  /// What the command line names must be there: a slip of the finger is not a fault of the configuration.
  private func checkFilesExist() throws(StartFault) {
    let environment = try SettingSources.environmentFlags()
    let file = flags.config ?? environment?.config ?? (plugin == nil ? SettingSources.defaultFile : nil)
    for path in [plugin, file].compactMap({ $0 }) where unsafe access(path, F_OK) != 0 {
      let reason = Errno.reason(errno)
      let advice = path == SettingSources.defaultFile ? " (name a PLUGIN.so, or a file with -c)" : ""
      throw StartFault("\(path): \(reason)\(advice)", .noInput)
    }
  }

  /// Certificates, keys and plugins; what is wrong with the former does not hide what is wrong with the latter.
  private func checkFiles(of configuration: Configuration) throws(StartFault) -> Platform.ExitCode {
    var code = Platform.ExitCode.ok
    do throws(StartFault) {
      // That there is no such user is told below.
      let user = (try? Privileges(configuration))?.serviceUser
      for warning in try SecureListeners.load(configuration, user: user).warnings {
        ErrorLog.complain(warning, level: .warning)
      }
    } catch {
      ErrorLog.complain(error.description)
      code = error.code
    }
    let plugins = try PluginCheck.run(configuration)
    if code == .ok { code = plugins }
    if code == .ok && !quiet { print("configuration OK") }
    return code
  }

  private func printDump(_ configuration: Configuration) -> Platform.ExitCode {
    print(configuration.dump(), terminator: "")
    return .ok
  }

  // MARK: Serving

  private func supervise() throws(StartFault) -> Platform.ExitCode {
    do throws(Errno) {
      let supervisor = try Supervisor(
        executable: try ProgramFile.path(calledAs: CommandLine.arguments.first ?? ""), arguments: CommandLine.arguments)
      return try supervisor.run()
    } catch {
      throw StartFault("\(error)", .osError)
    }
  }
}
