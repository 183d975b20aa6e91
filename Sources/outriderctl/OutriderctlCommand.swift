import ArgumentParser
import Control
import Glibc
import Platform

/// The command line by which an operator asks a running server, and tells it.
@main
struct OutriderctlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "outriderctl",
    abstract: "Ask a running outrider, and tell it what to do.",
    usage: """
      outriderctl [-s SOCKET] [--json] status|workers|listeners|plugins|config|metrics
      outriderctl [-s SOCKET] [--json] reload|reopen|scale ±N|retire PID|stop [--now]
      outriderctl [--json] inspect PLUGIN.so
      """,
    discussion: """
      status     generations, requests, restarts, the last reload
      workers    each worker process, and what it serves
      listeners  where the server listens
      plugins    what is mounted where
      config     the effective configuration as TOML
      metrics    what the metrics listener tells Prometheus
      reload     start a new generation and wait until it serves, or has failed
      reopen     open log files anew
      scale ±N   add or remove workers, until the next restart of the server
      retire PID replace a worker once its replacement is ready
      stop       finish what is in flight and end; with --now at once
      inspect    what a plugin says of itself; needs no server
      """)

  @Option(name: .shortAndLong, help: "The control socket.", completion: .file())
  var socket = ControlOrder.usualSocket

  @Flag(help: "Print the answer as one JSON value.")
  var json = false

  @Flag(help: "With stop: at once.")
  var now = false

  @Argument(
    help: "What to do.",
    completion: .list([
      "status", "workers", "listeners", "plugins", "config", "metrics", "reload", "reopen", "scale", "retire", "stop",
      "inspect",
    ]))
  var command: String

  @Argument(parsing: .allUnrecognized, help: "What the command takes.")
  var parameters: [String] = []

  func validate() throws {
    if command == "inspect" {
      guard parameters.count == 1, !now else { throw ValidationError("inspect: expected one PLUGIN.so") }
    } else {
      _ = try order()
    }
  }

  /// The order that the command line stands for.
  private func order() throws -> ControlOrder {
    let plain: [ControlOrder] = [.status, .workers, .listeners, .plugins, .config, .metrics, .reload, .reopen]
    if now && command != "stop" { throw ValidationError("--now is for stop") }
    if command == "stop" || plain.contains(where: { $0.name == command }) {
      if let odd = parameters.first { throw ValidationError("\(command): unexpected \"\(odd)\"") }
      return plain.first { $0.name == command } ?? .stop(now: now)
    }
    switch command {
    case "scale":
      let range = -ControlOrder.mostScale...ControlOrder.mostScale
      guard parameters.count == 1, let change = Int(parameters[0]), range.contains(change), change != 0 else {
        throw ValidationError("scale: expected how many workers more, as +1, or fewer, as -1")
      }
      return .scale(change)
    case "retire":
      guard parameters.count == 1, let pid = Int32(parameters[0]), pid > 0 else {
        throw ValidationError("retire: expected the process id of a worker")
      }
      return .retire(pid: pid)
    default: throw ValidationError("unknown command \"\(command)\"; see outriderctl --help")
    }
  }

  func run() throws {
    do throws(Failure) {
      if command == "inspect" {
        let description = try Inspection.describe(parameters[0])
        show(json ? "\(description)" : Inspection.text(description))
      } else {
        guard let order = try? order() else { return }
        let result = try ControlConnection(path: socket).ask(order)
        show(json ? "\(result)" : AnswerText.make(order, result))
      }
    } catch {
      var line = "outriderctl: \(PrintableText.lines(error.reason))\n"
      line.withUTF8 { bytes in _ = retryingInterrupts { unsafe Glibc.write(2, bytes.baseAddress, bytes.count) } }
      Glibc.exit(error.code.rawValue)
    }
  }

  /// Prints it with one line end; nothing if there is nothing to say. Whoever has answered, it controls no terminal.
  private func show(_ text: String) {
    let text = PrintableText.lines(text)
    if !text.isEmpty { print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }
  }
}

/// Why there is no answer, and how the program ends.
struct Failure: Error {
  let reason: String
  let code: Platform.ExitCode
}
