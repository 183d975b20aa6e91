import Configuration
import Glibc
import IPC
import Logging
import Master
import Platform
import Supervisor

/// Runs the command of `--watch-run` when sources change, and has the supervisor reload when it succeeds.
///
/// This is a child of the supervisor with one thread, so that a build delays nothing. It ends with the supervisor.
struct BuildWatcher {
  private let command: String
  private let places: String
  private let watch: SourceWatch
  private let log = ErrorLog.logger(role: "build", level: .info)

  /// Runs the command until it has succeeded once, then watches the sources in a child of this process.
  static func begin(_ flags: BuildFlags) throws(StartError) {
    guard let command = flags.command else { return }
    do throws(Errno) {
      let watcher = try BuildWatcher(command, flags.paths.isEmpty ? ["."] : flags.paths)
      try watcher.buildForTheFirstTime()
      let supervisor = Process.id
      if case .child = try Process.fork() { watcher.run(for: supervisor) }
    } catch {
      throw StartError("--watch-run: \(error)", .osError)
    }
  }

  private init(_ command: String, _ folders: [String]) throws(Errno) {
    self.command = command
    places = folders.joined(separator: ", ")
    watch = try SourceWatch(.project)
    let here = SettingSources.workingDirectory()
    for folder in folders {
      guard unsafe access(folder, R_OK | X_OK) == 0 else { throw .last("watch \(folder)") }
      let path = WatchedPath.sources(below: PluginSettings.resolve(folder, in: here))
      if let path { watch.add(path, at: Clock.monotonic()) }
    }
    reportWarnings()
  }

  private func reportWarnings() {
    for warning in watch.takeWarnings() { log.warning("\(warning)") }
  }

  // MARK: The first build

  private func buildForTheFirstTime() throws(Errno) {
    while true {
      let exitStatus = try BuildCommand.run(command)
      if exitStatus == .exited(0) { return }
      log.error(
        "\(quotedCommand) \(exitStatus): serving begins when it succeeds; it runs again when a file below \(places) changes"
      )
      awaitChange()
    }
  }

  private var quotedCommand: String { "'\(command)'" }

  // MARK: Further builds

  private func run(for supervisor: pid_t) -> Never {
    ProcessTitle.set("build")
    guard Process.bindToParent(supervisor, signal: SIGTERM) else { Process.exit(.ok) }
    while true {
      awaitChange()
      build(for: supervisor)
    }
  }

  private func build(for supervisor: pid_t) {
    let start = Clock.monotonic()
    do throws(Errno) {
      var running = try BuildCommand.start(command)
      let exitStatus = awaitEnd(of: &running)
      if exitStatus == .exited(0) {
        let milliseconds = (Clock.monotonic() &- start) / Clock.nanosecondsPerMillisecond
        log.info("\(quotedCommand) succeeded in \(milliseconds) ms: reloading")
        Process.send(SIGHUP, to: supervisor)
      } else {
        let output = running.output
        if !output.isEmpty { ErrorLog.writeRaw(output) }
        log.error("\(quotedCommand) \(exitStatus): no reload, the former build serves on")
      }
    } catch {
      log.error("\(quotedCommand) can't be run: \(error): no reload")
    }
  }

  /// How often to check a command that has left behind a process with its output open.
  private static let checkInterval = 20 * Clock.nanosecondsPerMillisecond

  private func awaitEnd(of command: inout BuildCommand) -> Process.ExitStatus {
    while command.readOutput() {
      _ = ConnectedSocket.wait(
        command.raw, writing: false, deadline: Clock.monotonic() &+ BuildWatcher.checkInterval)
      if let exitStatus = Process.takeEnd(of: command.pid) {
        _ = command.readOutput()
        return exitStatus
      }
    }
    return Process.awaitEnd(of: command.pid)
  }

  // MARK: Changes

  /// Waits for changes, and until they are complete.
  private func awaitChange() {
    while true {
      let now = Clock.monotonic()
      if let change = watch.takeChange(at: now) {
        log.info("\(change): running \(quotedCommand)")
        return
      }
      _ = ConnectedSocket.wait(watch.raw, writing: false, deadline: watch.nextDeadline)
      watch.readEvents(at: Clock.monotonic())
      reportWarnings()
    }
  }
}
