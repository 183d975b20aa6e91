import Control
import Glibc
import Platform

/// A server for the time of a check: on a port of the loopback that the kernel chooses, with a control socket in a folder
/// of its own, and ended with this process.
final class CheckServer {
  enum Model: String, CaseIterable {
    case sync, gthread, async
  }

  /// Time for requests in flight when the server ends, and for threads that show no sign of life.
  private static let spans = ["server.graceful_timeout=10s", "timeouts.worker=10s", "timeouts.shutdown_delay=0s"]
  /// How long the server, or a generation or worker of it, may take to end.
  static let endTime = 20 * Clock.nanosecondsPerSecond

  let model: Model
  let pid: pid_t
  let log: CheckLog
  private let folder: PrivateFolder
  private(set) var port: UInt16 = 0
  private(set) var exitStatus: Process.ExitStatus?

  /// Starts it, and does not wait until it serves.
  static func start(
    _ options: CheckOptions, _ model: Model, program: String, load: String?
  ) throws(CheckError) -> CheckServer {
    do throws(Errno) {
      let folder = try PrivateFolder()
      let log = try CheckLog()
      let arguments = arguments(options, model, socket: folder.socket, load: load)
      let parent = Process.id
      switch try Process.fork() {
      case .child: execute(program, arguments, log: log.raw, parent: parent)
      case .parent(let child): return CheckServer(model, child, folder, log)
      }
    } catch {
      throw .cannotRun("\(error)")
    }
  }

  private init(_ model: Model, _ pid: pid_t, _ folder: consuming PrivateFolder, _ log: CheckLog) {
    self.model = model
    self.pid = pid
    self.folder = folder
    self.log = log
  }

  /// What has not ended by now is ended.
  deinit {
    guard exitStatus == nil else { return }
    Process.send(SIGQUIT, to: pid)
    let deadline = Clock.monotonic() &+ CheckServer.endTime / 4
    while !Process.hasEnded(pid), Clock.monotonic() < deadline { usleep(5000) }
    Process.send(SIGKILL, to: -pid)
    _ = Process.reap()
  }

  private static func arguments(_ options: CheckOptions, _ model: Model, socket: String, load: String?) -> [String] {
    var settings =
      spans + [
        "server.workers=1", "server.pidfile=", "control.socket=\(socket)", "metrics.bind=", "log.error=stderr",
        "log.access=off", "log.level=info", "debug.abi_checks=true", "listener.h2c=\(model != .sync)",
        "server.restart_backoff=1ms",
      ]
    // With a file, its server.user counts.
    if Account.isRoot && !options.hasFile { settings.append("server.user=nobody") }
    var arguments = ["outrider", "-b", "127.0.0.1:0", "-k", model.rawValue]
    for setting in settings { arguments += ["--set", setting] }
    for configuration in options.configuration { arguments += ["-c", configuration] }
    if let load { arguments += ["--load", load] }
    return arguments + (options.hasFile ? [] : [options.plugin])
  }

  /// In the child.
  private static func execute(_ program: String, _ arguments: [String], log: CInt, parent: pid_t) -> Never {
    // Signals of a terminal do not reach it: this process ends it.
    setpgid(0, 0)
    guard Process.bindToParent(parent, signal: SIGTERM), dup2(log, 1) == 1, dup2(log, 2) == 2 else {
      Process.exit(.osError)
    }
    Process.discardInput()
    for name in ["OUTRIDER_CMD_ARGS", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC"] {
      Process.setEnvironment(name, nil)
    }
    Signals.restoreSetup()
    do throws(Errno) {
      try Process.execute(program, arguments: arguments)
    } catch {
      ErrorLog.writeRaw("\(error)")
      Process.exit(.osError)
    }
  }

  // MARK: What it does

  /// Waits until it serves; false if it has ended instead.
  func waitUntilItServes() throws(CheckError) -> Bool {
    // server.boot_timeout bounds it.
    _ = try CheckWait.until(.max) { hasEnded || status?["ready"]?.truth == true }
    guard !hasEnded, let address = ask(.listeners)?.elements.first?["address"]?.text,
      let port = address.split(separator: ":").last.flatMap({ UInt16($0) })
    else { return false }
    self.port = port
    return true
  }

  /// Whether the supervisor has ended; it is reaped then.
  var hasEnded: Bool {
    while exitStatus == nil, let (ended, status) = Process.reap() { if ended == pid { exitStatus = status } }
    return exitStatus != nil
  }

  /// The result of a command; nil where it answers none.
  func ask(_ command: ControlCommand) -> JSON? {
    do throws(CommandError) {
      return try ControlConnection(path: folder.socket).send(command)
    } catch {
      return nil
    }
  }

  var status: JSON? { ask(.status) }

  /// Whether nothing of a trial goes on any more: no generation is at its end, and the worker serves. A worker that its
  /// master has not missed yet has no memory.
  var isSettled: Bool {
    if hasEnded { return true }
    guard status?["generations"]?.elements.count == 1 else { return false }
    return (ask(.workers)?.elements ?? []).contains { worker in
      guard worker["state"]?.text == "ready", let pid = worker["pid"]?.number.flatMap(pid_t.init(exactly:)) else {
        return false
      }
      return ResidentMemory.of(pid) ?? 0 > 0
    }
  }

  /// The number of the latest generation.
  var generation: Int64 { status?["generations"]?.elements.compactMap { $0["number"]?.number }.max() ?? 0 }

  /// Whether the workers of a generation, and of those before it, have been told to finish, or have ended.
  func drains(_ generation: Int64) -> Bool {
    hasEnded
      || !(ask(.workers)?.elements ?? []).contains {
        $0["state"]?.text == "ready" && $0["generation"]?.number ?? 0 <= generation
      }
  }

  /// Whether no request is in flight, or nobody to serve one is left.
  var isIdle: Bool { hasEnded || status?["in_flight"]?.number == 0 }

  /// How many workers have ended by a crash, or been ended since they hung.
  var lostWorkers: Int64 {
    let restarts = status?["worker_restarts"]
    return (restarts?["crashed"]?.number ?? 0) + (restarts?["hung"]?.number ?? 0)
  }

  /// Where the file is mounted.
  func mounts(of plugin: String) -> [String] {
    let file = ProgramFile.identity(plugin)
    return (ask(.plugins)?.elements ?? []).filter { $0["path"]?.text.flatMap(ProgramFile.identity) == file }
      .compactMap { $0["mount"]?.text }
  }

  func send(_ signal: CInt) { Process.send(signal, to: pid) }

  /// Waits for the end that a signal has asked for; false if there is none in the time that requests have, and more.
  func waitForEnd() throws(CheckError) -> Bool {
    try CheckWait.until(Clock.monotonic() &+ CheckServer.endTime) { hasEnded }
  }
}
