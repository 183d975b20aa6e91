import Configuration
import Glibc
import IPC
import Master
import Platform
import Workers

/// Loads each plugin in a child process, for `outrider -t`. A load that crashes, hangs or calls exit is an error like
/// any other. The child reports its own errors; the parent reports a plugin that the child has not returned from.
///
/// A generation has `server.boot_timeout` to start with all its plugins. Here each plugin has that time, so that a
/// plugin that hangs can be identified. Plugins that are too slow together are reported too.
enum PluginCheck {
  /// The child's messages; each has a `number`.
  private enum Report: UInt8 {
    /// The child begins to load the plugin with this index in the order.
    case loading = 1
    /// An exit code.
    case error = 2
    case done = 3
    /// The child runs this hook.
    case running = 4
  }

  /// How long to wait for the end of a killed process.
  private static let endTime = 5 * Clock.nanosecondsPerSecond
  /// The maximum number of messages read at once: plugins may send any number.
  private static let messagesPerTurn = 64

  /// What a child has reported, and how it has ended.
  private struct CheckResult {
    /// The exit code of the first error.
    var code = ExitCode.ok
    /// The plugin that it is loading, as an index into the order.
    var position: Int?
    /// The hook that it is running.
    var hook = RunningHook.Hook.dlopen
    /// When that plugin or hook began.
    var since = Clock.monotonic()
    var isDone = false
    /// Nil if the child did not end in time.
    var exitStatus: Process.ExitStatus?
  }

  /// - Returns: the exit code of the first error; all errors are reported.
  static func run(_ configuration: Configuration) throws(StartError) -> ExitCode {
    // If SIGCHLD is ignored, the end of a child is not noticed. The former setup is restored afterwards.
    Signals.useDefaults()
    defer { Signals.restoreSetup() }
    let plugins = PluginSet(configuration)
    let timeout = configuration.settings.server.bootTimeout
    let began = Clock.monotonic()
    var code = ExitCode.ok
    var next = 0
    while true {
      let result: CheckResult
      do throws(Errno) {
        result = try runChild(configuration, plugins, from: next, timeout)
      } catch {
        throw StartError("\(error)", .osError)
      }
      if code == .ok { code = result.code }
      if result.isDone {
        guard code == .ok, Clock.monotonic() &- began >= timeout else { return code }
        let span = text(Clock.monotonic() &- began)
        ErrorLog.writeRaw("loading all plugins took \(span), longer than boot_timeout (\(text(timeout)))")
        return .configuration
      }
      guard let position = result.position else {
        // The child failed before the first plugin and has reported why.
        return code == .ok ? .software : code
      }
      let index = plugins.checkOrder[position]
      ErrorLog.writeRaw(plugins.checkFault(index, reason(result, timeout)).description)
      if code == .ok { code = .configuration }
      next = position + 1
    }
  }

  private static func reason(_ result: CheckResult, _ timeout: UInt64) -> String {
    let hook = result.hook == .dlopen ? "dlopen(), which runs the library's constructors," : "\(result.hook.name)"
    switch result.exitStatus {
    case .exited(let code): return "\(hook) called exit(\(code))"
    case .killed(let signal)?: return "\(hook) \(Process.ExitStatus.killed(signal))"
    case nil: return "\(hook) has not returned within boot_timeout (\(text(timeout)))"
    }
  }

  /// A span of nanoseconds.
  private static func text(_ span: UInt64) -> String {
    let milliseconds = span / Clock.nanosecondsPerMillisecond
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }

  // MARK: The parent

  private static func runChild(
    _ configuration: Configuration, _ plugins: PluginSet, from first: Int, _ timeout: UInt64
  ) throws(Errno) -> CheckResult {
    let (channel, childEnd) = try Channel.pair(sealed: true)
    let parent = Process.id
    // Prevents buffered output from being written twice.
    fflush(nil)
    switch try Process.fork() {
    case .child: check(configuration, plugins, from: first, childEnd, parent: parent)
    case .parent(let child): return result(of: child, channel, plugins, timeout)
    }
  }

  /// - Parameter timeout: the time limit for each plugin.
  private static func result(of child: pid_t, _ channel: Channel, _ plugins: PluginSet, _ timeout: UInt64)
    -> CheckResult
  {
    var result = CheckResult()
    while Clock.monotonic() &- result.since < timeout {
      let hasEnded = Process.hasEnded(child)
      let mayHaveMore = receive(channel, &result, plugins)
      if result.isDone || hasEnded && !mayHaveMore { break }
      if mayHaveMore { continue }
      // Processes started by the plugin may also have the child's end of the channel.
      _ = ConnectedSocket.wait(
        channel.raw, writing: false, deadline: Clock.monotonic() &+ 5 * Clock.nanosecondsPerMillisecond)
      usleep(1000)
    }
    let hasEnded = Process.hasEnded(child)
    // Kills the child together with processes that it has started.
    Process.send(SIGKILL, to: -child)
    let exitStatus = awaitEnd(of: child)
    if hasEnded { result.exitStatus = exitStatus }
    return result
  }

  /// Reads messages, which plugin code may have sent.
  ///
  /// - Returns: whether there may be more.
  private static func receive(_ channel: Channel, _ result: inout CheckResult, _ plugins: PluginSet) -> Bool {
    for _ in 0..<messagesPerTurn {
      guard case .message(let kind, let fields, _) = channel.receive() else { return false }
      let number: Int = fields.number("number") ?? 0
      switch Report(rawValue: kind) {
      case .loading?:
        // In ascending order, so that no plugin gets its time twice.
        guard plugins.checkOrder.indices.contains(number), number > result.position ?? -1 else { continue }
        result.position = number
        result.hook = .dlopen
        result.since = Clock.monotonic()
      case .running?: result.hook = RunningHook.Hook(rawValue: UInt8(clamping: number)) ?? result.hook
      case .error?: if result.code == .ok { result.code = ExitCode(rawValue: Int32(clamping: number)) ?? .software }
      case .done?: result.isDone = true
      case nil: break
      }
    }
    return true
  }

  private static func awaitEnd(of child: pid_t) -> Process.ExitStatus? {
    let deadline = Clock.monotonic() &+ endTime
    while Clock.monotonic() < deadline {
      while let (pid, exitStatus) = Process.reap() { if pid == child { return exitStatus } }
      usleep(1000)
    }
    return nil
  }

  // MARK: The child

  private static func check(
    _ configuration: Configuration, _ plugins: PluginSet, from first: Int, _ channel: Channel, parent: pid_t
  ) -> Never {
    func send(_ report: Report, _ number: Int) { channel.send(report, KeyedFields("number", number)) }
    func report(_ error: StartError) {
      ErrorLog.writeRaw(error.description)
      send(.error, Int(error.code.rawValue))
    }

    setpgid(0, 0)
    do throws(StartError) {
      try Privileges(configuration).drop(nil)
    } catch {
      report(error)
      Process.exit(error.code)
    }
    guard Process.bindToParent(parent, signal: SIGKILL) else { Process.exit(.software) }
    let order = plugins.checkOrder
    for position in order.indices.dropFirst(first) {
      send(.loading, position)
      do throws(PluginSetError) {
        try plugins.check(order[position]) { send(.running, Int($0.hook.rawValue)) }
      } catch {
        report(StartError(error))
      }
    }
    fflush(nil)
    send(.done, 0)
    Process.exit(.ok)
  }
}
