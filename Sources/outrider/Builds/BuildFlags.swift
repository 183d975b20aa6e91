import ArgumentParser

/// The flags for a command that builds what is served.
struct BuildFlags: ParsableArguments {
  @Option(
    name: .customLong("watch-run"),
    help: ArgumentHelp(
      "Run this command before serving and whenever a source changes; reload each time it succeeds.",
      valueName: "command"))
  var command: String?

  @Option(
    name: .customLong("watch-path"),
    help: ArgumentHelp(
      "With --watch-run, the folder of sources to watch; the working directory by default. Repeatable.",
      valueName: "dir"),
    completion: .directory)
  var paths: [String] = []

  func validate() throws {
    if command == nil, let path = paths.first { throw ValidationError("--watch-path \(path) needs --watch-run") }
    if let command, command.utf8.allSatisfy({ $0 == UInt8(ascii: " ") }) {
      throw ValidationError("--watch-run: expected a command")
    }
  }
}
