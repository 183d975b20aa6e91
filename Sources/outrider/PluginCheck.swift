import Configuration
import Glibc
import Master
import Platform
import Workers

/// Loads each plugin in a child process, to see whether it loads: a load that crashes, hangs or calls exit is a fault like any
/// other. The child tells of what it finds itself; the parent of a child that has not come back from a plugin.
enum PluginCheck {
  private static let loading: UInt8 = 1
  private static let fault: UInt8 = 2
  private static let done: UInt8 = 3
  /// How long a process has to be gone after it was killed.
  private static let burialTime = 5 * Clock.nanosecondsPerSecond

  /// What a child has said, and how it came to its end.
  private struct Outcome {
    /// That of the first fault.
    var code = ExitCode.ok
    /// The plugin that it was at, by its place in the order.
    var position: Int?
    var isDone = false
    /// Nil if it had not ended by then.
    var ending: Process.Ending?
  }

  /// - Returns: what the first fault means; all are told.
  static func run(_ configuration: Configuration) throws(StartFault) -> ExitCode {
    // Whoever ignores SIGCHLD never hears of a child's end.
    Signals.useDefaults()
    let plugins = PluginSet(configuration)
    let timeout = configuration.settings.server.bootTimeout
    var code = ExitCode.ok
    var next = 0
    while true {
      let outcome: Outcome
      do throws(Errno) {
        outcome = try runChild(configuration, plugins, from: next, timeout)
      } catch {
        throw StartFault("\(error)", .osError)
      }
      if code == .ok { code = outcome.code }
      if outcome.isDone { return code }
      guard let position = outcome.position else {
        // Before the first plugin: it has said why.
        return code == .ok ? .software : code
      }
      let index = plugins.checkOrder[position]
      ErrorLog.complain(plugins.checkFault(index, reason(outcome.ending, timeout)).description)
      if code == .ok { code = .configuration }
      next = position + 1
    }
  }

  private static func reason(_ ending: Process.Ending?, _ timeout: UInt64) -> String {
    switch ending {
    case .exited(let code): return "load() called exit(\(code))"
    case .killed?: return "load() \(ending.map { "\($0)" } ?? "")"
    case nil:
      let milliseconds = timeout / Clock.nanosecondsPerMillisecond
      let text = milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
      return "load() has not returned within boot_timeout (\(text))"
    }
  }

  // MARK: The parent

  private static func runChild(
    _ configuration: Configuration, _ plugins: PluginSet, from first: Int, _ timeout: UInt64
  ) throws(Errno) -> Outcome {
    let (line, theirs) = try Channel.pair(sealed: true)
    let parent = Process.id
    // What waits to be written is not written twice.
    fflush(nil)
    switch try Process.fork() {
    case .child: check(configuration, plugins, from: first, theirs, parent: parent)
    case .parent(let child): return outcome(of: child, line, plugins, deadline: Clock.monotonic() &+ timeout)
    }
  }

  private static func outcome(of child: pid_t, _ line: Channel, _ plugins: PluginSet, deadline: UInt64) -> Outcome {
    var outcome = Outcome()
    while Clock.monotonic() < deadline {
      let hasEnded = Process.hasEnded(child)
      hear(line, &outcome, plugins)
      if hasEnded || outcome.isDone { break }
      // What the plugin has started may have the child's end of the line too.
      _ = Connections.wait(line.raw, writing: false, deadline: Clock.monotonic() &+ 5 * Clock.nanosecondsPerMillisecond)
      usleep(1000)
    }
    let hasEnded = Process.hasEnded(child)
    // With all that it has started.
    Process.send(SIGKILL, to: -child)
    let ending = bury(child)
    if hasEnded { outcome.ending = ending }
    return outcome
  }

  /// A plugin's code may have written any of it.
  private static func hear(_ line: Channel, _ outcome: inout Outcome, _ plugins: PluginSet) {
    while case .message(let kind, let text, _) = line.receive() {
      let number = Int(String(decoding: text, as: UTF8.self)) ?? 0
      switch kind {
      case loading: if plugins.checkOrder.indices.contains(number) { outcome.position = number }
      case fault: if outcome.code == .ok { outcome.code = ExitCode(rawValue: Int32(clamping: number)) ?? .software }
      case done: outcome.isDone = true
      default: break
      }
    }
  }

  private static func bury(_ child: pid_t) -> Process.Ending? {
    let deadline = Clock.monotonic() &+ burialTime
    while Clock.monotonic() < deadline {
      while let (pid, ending) = Process.reap() { if pid == child { return ending } }
      usleep(1000)
    }
    return nil
  }

  // MARK: The child

  private static func check(
    _ configuration: Configuration, _ plugins: PluginSet, from first: Int, _ line: Channel, parent: pid_t
  ) -> Never {
    func say(_ kind: UInt8, _ number: Int) { line.send(kind: kind, text: Array("\(number)".utf8)) }
    func complain(_ fault: StartFault) {
      ErrorLog.complain(fault.description)
      say(PluginCheck.fault, Int(fault.code.rawValue))
    }

    setpgid(0, 0)
    do throws(StartFault) {
      try Privileges(configuration).drop(nil)
    } catch {
      complain(error)
      Process.leave(error.code)
    }
    guard Process.bindToParent(parent, signal: SIGKILL) else { Process.leave(.software) }
    let order = plugins.checkOrder
    for position in order.indices.dropFirst(first) {
      say(loading, position)
      do throws(PluginFaults) {
        try plugins.check(order[position])
      } catch {
        complain(StartFault(error))
      }
    }
    fflush(nil)
    say(done, 0)
    Process.leave(.ok)
  }
}
