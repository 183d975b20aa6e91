import ArgumentParser
import Completions
import Control
import Glibc
import Platform
import PluginHost

/// The command line by which an operator queries and controls a running server.
@main
struct OutriderctlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outriderctl",
    abstract: "Query and control a running outrider; make, describe and check plugins.",
    usage: """
      outriderctl [-s SOCKET] [--json] status|workers|listeners|plugins|config|metrics
      outriderctl [-s SOCKET] [--json] reload|reopen|upgrade|scale N|±N|retire PID|stop [--now]
      outriderctl [--json] inspect PLUGIN.so
      outriderctl [--json] check PLUGIN.so [--config FILE|KEY=VALUE]… [--path PATH]…
      outriderctl [--json] new NAME --lang LANGUAGE [--style blocking|event|async]
      """,
    discussion: """
      status     generations, requests, restarts, paused plugins, the last reload
      workers    worker processes and their oldest requests in flight
      listeners  listening sockets and their backlogs
      plugins    plugins, their mount paths, and paused plugins
      config     the effective configuration as TOML
      metrics    the metrics in Prometheus format
      reload     start a new generation and wait until it is serving or has failed
      reopen     reopen log files
      upgrade    replace the supervisor with the program on disk, and wait for it
      scale N    run N workers; +N adds N workers, -N removes N workers
      retire PID replace a worker once its replacement is ready
      stop       finish the requests in flight and exit; with --now, exit immediately
      inspect    describe a plugin; no running server is required
      check      try a plugin with many kinds of clients, in a server for that; exit with 1 if something is wrong with it
      new NAME   make a folder with a new plugin, which `make run` builds, serves, and builds again when its source changes
      """)

  @Option(
    name: .shortAndLong,
    help:
      "The control socket. Default: \(ControlCommand.defaultSocket), or that of your server if it has no configuration file.",
    completion: .file())
  var socket: String?

  @Flag(help: "Print the result, or the error, as one JSON value.")
  var json = false

  @Flag(help: "With stop: exit immediately.")
  var now = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "With check: the server's configuration file, or a key of the plugin's. Repeatable.",
      valueName: "file|key=value"),
    completion: .file(extensions: ["toml"]))
  var config: [String] = []

  @Option(name: .customLong("path"), help: "With check: what to request, instead of the plugin's mount. Repeatable.")
  var paths: [String] = []

  @Option(
    name: .customLong("lang"),
    help: ArgumentHelp("With new: c, cpp, swift, rust, go or zig.", valueName: "language"),
    completion: .list(["c", "cpp", "swift", "rust", "go", "zig"]))
  var language: String?

  @Option(
    help: "With new: blocking, event or async. Default: the first of them that the language has.",
    completion: .list(["blocking", "event", "async"]))
  var style: String?

  @Flag(name: [.customShort("V"), .customLong("version")], help: "Print the version, then exit.")
  var version = false

  @Argument(help: "The command.", completion: .list(OutriderctlCommand.commands))
  var command: String?

  @Argument(parsing: .allUnrecognized, help: "The arguments of the command.")
  var parameters: [String] = []

  private static let commands =
    ControlCommand.plain.map(\.name) + ["scale", "retire", "stop", "inspect", "check", "new"]

  /// With `--json`, errors in the arguments are JSON too.
  static func main() {
    StandardStreams.openMissing()
    let arguments = Array(CommandLine.arguments.dropFirst())
    if let script = CompletionScript.requested(of: self, arguments) {
      printOutput(script + "\n")
      exit()
    }
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      if exitCode(for: error).isSuccess {
        printOutput(fullMessage(for: error) + "\n")
        exit()
      }
      guard arguments.contains("--json") else { exit(withError: error) }
      CommandError(reason: message(for: error), code: .usage).exit(asJSON: true)
    }
  }

  func validate() throws {
    if version { return }
    if command != "check", !config.isEmpty || !paths.isEmpty {
      throw ValidationError("--config and --path are for check")
    }
    if command != "new", language != nil || style != nil { throw ValidationError("--lang and --style are for new") }
    for path in paths where path.utf8.first != UInt8(ascii: "/") || path.utf8.contains(where: { $0 <= 0x20 }) {
      throw ValidationError("--path \(path): expected a path that begins with /, as it stands in a request")
    }
    if command == "inspect" || command == "check" {
      guard parameters.count == 1, !now else { throw ValidationError("\(command ?? ""): expected one PLUGIN.so") }
    } else if command == "new" {
      guard parameters.count == 1, !now else { throw ValidationError("new: expected one NAME") }
    } else {
      _ = try parsedCommand()
    }
  }

  /// The command of the command line.
  private func parsedCommand() throws -> ControlCommand {
    guard let command else { throw ValidationError("expected a command; see outriderctl --help") }
    if now && command != "stop" { throw ValidationError("--now is for stop") }
    if command == "stop" || ControlCommand.plain.contains(where: { $0.name == command }) {
      if let odd = parameters.first { throw ValidationError("\(command): unexpected \"\(odd)\"") }
      return ControlCommand.plain.first { $0.name == command } ?? .stop(now: now)
    }
    switch command {
    case "scale":
      guard parameters.count == 1, let scale = ControlCommand.Scale(parameters[0]), scale.isValid else {
        throw ValidationError(
          "scale: expected a number of workers of at least 1, or a change as +1 or -1")
      }
      return .scale(scale)
    case "retire":
      guard parameters.count == 1, let pid = Int32(parameters[0]), pid > 0 else {
        throw ValidationError("retire: expected the process id of a worker")
      }
      return .retire(pid: pid)
    default: throw ValidationError("unknown command \"\(command)\"; see outriderctl --help")
    }
  }

  func run() throws {
    if version { return show(json ? "\(Versions.json)" : Versions.text) }
    if command == "check" { return check() }
    do throws(CommandError) {
      if command == "inspect" {
        let description = try Inspection.describe(parameters[0])
        show(json ? "\(description)" : Inspection.text(description))
      } else if command == "new" {
        let plugin = try NewPlugin.make(parameters[0], language: language, style: style)
        show(json ? "\(plugin.json)" : plugin.text)
      } else {
        guard let command = try? parsedCommand() else { return }
        let result: JSON
        if let socket {
          result = try ControlConnection(path: socket).send(command)
        } else {
          result = try ControlConnection(path: try ControlConnection.defaultPath()).send(command)
        }
        show(json ? "\(result)" : ResultText.make(command, result))
      }
    } catch {
      error.exit(asJSON: json)
    }
  }

  private func check() {
    do throws(CheckError) {
      let report = try PluginCheck.run(
        CheckOptions(plugin: parameters[0], configuration: config, paths: paths))
      show(json ? "\(report.json)" : report.text)
      Glibc.exit(report.findings.isEmpty ? 0 : PluginCheck.findings)
    } catch {
      switch error {
      case .interrupted: Signals.releaseHeld()
      case .cannotRun(let reason): CommandError(reason: reason, status: PluginCheck.failure).exit(asJSON: json)
      }
    }
  }

  /// Prints the text with one line end, and nothing if it is empty. Control characters are escaped: the text may come from a
  /// plugin or another server.
  private func show(_ text: String) {
    let text = PrintableText.lines(text)
    if !text.isEmpty { OutriderctlCommand.printOutput(text.hasSuffix("\n") ? text : text + "\n") }
  }

  /// Writes to standard output; a failure exits.
  private static func printOutput(_ text: String) {
    do throws(Errno) {
      try StandardOutput.write(text)
    } catch {
      CommandError(reason: "\(error)", code: .ioError).exit(asJSON: false)
    }
  }

  private enum Versions {
    static let text = "outriderctl \(ProgramFile.version)\nplugin ABI \(ABI.text(ABI.version))"

    static let json = JSON.object([
      JSON.Member("outriderctl", .string(ProgramFile.version)),
      JSON.Member("abi", .string(ABI.text(ABI.version))),
    ])
  }
}

extension ControlCommand.Scale {
  /// `3`, `+3` or `-3`.
  fileprivate init?(_ text: String) {
    guard let number = Int(text) else { return nil }
    let isRelative = text.utf8.first == UInt8(ascii: "+") || text.utf8.first == UInt8(ascii: "-")
    self = isRelative ? .by(number) : .to(number)
  }
}
