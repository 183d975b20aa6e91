import COutrider
import Control
import Glibc
import IPC
import Platform
import PluginHost

/// Describes a plugin. Its code runs in a child process, and not as root.
enum Inspection {
  /// How long a plugin's load() may take.
  private static let timeout = 10 * Clock.nanosecondsPerSecond
  /// The child's reports.
  private enum Report: UInt8 {
    /// The plugin's description as JSON, in `plugin`.
    case description = 1
    /// Why it can't be loaded, in `reason`.
    case error = 2
  }

  static func describe(_ path: String) throws(CommandError) -> JSON {
    guard unsafe access(path, F_OK) == 0 else {
      throw CommandError(reason: "\(path): \(Errno.reason(errno))", code: .noInput)
    }
    let result: Result<JSON, CommandError>
    do throws(Errno) {
      let channel: Channel
      let child: pid_t
      (channel, child) = try fork(path)
      result = outcome(path, channel, child)
    } catch {
      throw CommandError(reason: "\(error)", code: .osError)
    }
    return try result.get()
  }

  /// Only the child keeps its end of the channel, so that its exit is noticed.
  private static func fork(_ path: String) throws(Errno) -> (channel: Channel, child: pid_t) {
    let (channel, childEnd) = try Channel.pair(sealed: true)
    switch try Process.fork() {
    case .child: load(path, childEnd)
    case .parent(let child): return (channel, child)
    }
  }

  private static func outcome(_ path: String, _ channel: Channel, _ child: pid_t) -> Result<JSON, CommandError> {
    let deadline = Clock.monotonic() &+ timeout
    func failure(_ reason: String) -> Result<JSON, CommandError> {
      .failure(CommandError(reason: "\(path): \(reason)", code: .configuration))
    }
    guard ConnectedSocket.wait(channel.raw, writing: false, deadline: deadline) else {
      Process.send(SIGKILL, to: child)
      return failure("load() did not return within \(timeout / Clock.nanosecondsPerSecond) s")
    }
    switch channel.receive() {
    case .message(Report.description.rawValue, let fields, _):
      guard let text = fields["plugin"], let description = try? JSONReader.read(Array(text.utf8)) else {
        return failure("no description")
      }
      return .success(description)
    case .message(_, let fields, _):
      // Plugin code may have written the text, and the output is a terminal.
      let reason = fields["reason"].map { PrintableText.lines($0) } ?? "\(path): no description"
      return .failure(CommandError(reason: reason, code: .configuration))
    case .nothing: return failure("no description")
    case .malformed: return failure("no description")
    case .closed:
      while Clock.monotonic() < deadline {
        if let (_, ending) = Process.reap() { return failure("the plugin \(ending) while it was loaded") }
        usleep(1000)
      }
      return failure("the plugin has closed a descriptor of outriderctl")
    }
  }

  /// In the child.
  private static func load(_ path: String, _ channel: Channel) -> Never {
    func fail(_ reason: String) -> Never {
      channel.send(Report.error, KeyedFields("reason", text: reason))
      Process.exit(.configuration)
    }
    do throws(Errno) {
      if Account.isRoot {
        guard let nobody = Account.user("nobody") else {
          throw Errno(code: ENOENT, attempt: "become nobody, so that the plugin does not run as root")
        }
        try Account.become(user: nobody, group: nobody.group)
      }
      try Process.renouncePrivileges()
    } catch {
      fail("\(error)")
    }
    do throws(PluginLoadError) {
      let plugin = try PluginLoader.load(
        PluginLoader.Entry(number: 0, name: "inspected", path: path, mount: "/", configuration: .empty),
        purpose: .inspect)
      channel.send(Report.description, KeyedFields("plugin", "\(describe(plugin))"))
      Process.exit(.ok)
    } catch {
      fail(error.description)
    }
  }

  private static func describe(_ plugin: Plugin) -> JSON {
    let descriptor = unsafe plugin.record.descriptor
    let styles = [
      plugin.record.hasBlockingStyle ? "blocking" : nil, plugin.record.hasEventStyle ? "event" : nil,
    ].compactMap { $0.map { JSON.string($0) } }
    let hooks = unsafe [
      ("load", descriptor.load != nil), ("unload", descriptor.unload != nil),
      ("before_fork", descriptor.before_fork != nil),
      ("worker_start", descriptor.worker_start != nil), ("worker_stop", descriptor.worker_stop != nil),
      ("on_wake", descriptor.on_wake != nil),
      ("thread_start", descriptor.thread_start != nil), ("thread_stop", descriptor.thread_stop != nil),
    ].filter(\.1).map { JSON.string($0.0) }
    let capabilities = [
      plugin.record.isThreadSafe ? "thread-safe" : nil, plugin.record.ownsLoop ? "owns-loop" : nil,
    ].compactMap { $0.map { JSON.string($0) } }
    return .object([
      JSON.Member("plugin", .string(plugin.record.title)),
      JSON.Member("abi", .string(unsafe ABI.text(descriptor.abi))),
      JSON.Member("abi_required", .string(unsafe ABI.text(descriptor.abi_required))),
      JSON.Member("host_abi", .string(ABI.text(ABI.version))),
      JSON.Member("host_extensions", .array(Extensions.names.map { .string($0) })),
      JSON.Member("styles", .array(styles)),
      JSON.Member("capabilities", .array(capabilities)),
      JSON.Member("hooks", .array(hooks)),
      // All threads of the process except the one that has loaded the plugin.
      JSON.Member("threads", .integer(((try? Process.threadCount()) ?? 1) - 1)),
    ])
  }

  /// The description as text.
  static func text(_ description: JSON) -> String {
    func words(_ name: String) -> String {
      let words = (description[name]?.elements ?? []).compactMap(\.text).map { PrintableText.escaped($0) }
      return words.isEmpty ? "none" : words.joined(separator: ", ")
    }
    func word(_ name: String) -> String { PrintableText.escaped(description[name]?.text ?? "?") }
    let threads = description["threads"]?.number ?? 0
    return """
      plugin        \(word("plugin"))
      ABI           \(word("abi")), needs \(word("abi_required")) (this host has \(word("host_abi")))
      styles        \(words("styles"))
      capabilities  \(words("capabilities"))
      hooks         \(words("hooks"))
      extensions    \(words("host_extensions")) (of this host)
      threads       \(threads == 0 ? "none" : "\(threads) after load: serve it with load = \"worker\"")
      """
  }
}
