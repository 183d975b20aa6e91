import COutrider
import Control
import Glibc
import Platform
import PluginHost

/// What a plugin says of itself. Its code runs in a child, and not as root.
enum Inspection {
  /// How long a plugin's load() may take.
  private static let patience = 10 * Clock.nanosecondsPerSecond
  private static let descriptionKind: UInt8 = 1
  private static let faultKind: UInt8 = 2

  static func describe(_ path: String) throws(Failure) -> JSON {
    guard unsafe access(path, F_OK) == 0 else {
      throw Failure(reason: "\(path): \(Errno.reason(errno))", code: .noInput)
    }
    let result: Result<JSON, Failure>
    do throws(Errno) {
      let line: Channel
      let child: pid_t
      (line, child) = try fork(path)
      result = outcome(path, line, child)
    } catch {
      throw Failure(reason: "\(error)", code: .osError)
    }
    return try result.get()
  }

  /// The child's end of the line is the child's alone, so that its end shows.
  private static func fork(_ path: String) throws(Errno) -> (line: Channel, child: pid_t) {
    let (line, theirs) = try Channel.pair(sealed: true)
    switch try Process.fork() {
    case .child: load(path, theirs)
    case .parent(let child): return (line, child)
    }
  }

  private static func outcome(_ path: String, _ line: Channel, _ child: pid_t) -> Result<JSON, Failure> {
    let deadline = Clock.monotonic() &+ patience
    func failure(_ reason: String) -> Result<JSON, Failure> {
      .failure(Failure(reason: "\(path): \(reason)", code: .configuration))
    }
    guard Connections.wait(line.raw, writing: false, deadline: deadline) else {
      Process.send(SIGKILL, to: child)
      return failure("load() has not returned within \(patience / Clock.nanosecondsPerSecond) s")
    }
    switch line.receive() {
    case .message(descriptionKind, let text, _):
      guard let description = try? JSONReader.read(text) else { return failure("no description") }
      return .success(description)
    case .message(_, let text, _):
      // The plugin's code may have written it, and this is a terminal.
      return .failure(
        Failure(reason: PrintableText.escaped(String(decoding: text, as: UTF8.self)), code: .configuration))
    case .nothing: return failure("no description")
    case .malformed: return failure("no description")
    case .closed:
      while Clock.monotonic() < deadline {
        if let (_, ending) = Process.reap() { return failure("the plugin \(ending) while it was loaded") }
        usleep(1000)
      }
      return failure("the plugin has closed what is not its own")
    }
  }

  /// In the child.
  private static func load(_ path: String, _ line: Channel) -> Never {
    func fail(_ reason: String) -> Never {
      line.send(kind: faultKind, text: Array(reason.utf8))
      Process.leave(.configuration)
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
    do throws(LoadFault) {
      let configuration = PluginConfiguration(json: Array("{}".utf8)) { _ in nil }
      let plugin = try PluginLoader.load(
        PluginLoader.Entry(number: 0, name: "inspected", path: path, mount: "/", configuration: configuration),
        purpose: .inspect)
      line.send(kind: descriptionKind, text: Array("\(describe(plugin))".utf8))
      Process.leave(.ok)
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
      ("worker_start", descriptor.worker_start != nil), ("worker_stop", descriptor.worker_stop != nil),
      ("thread_start", descriptor.thread_start != nil), ("thread_stop", descriptor.thread_stop != nil),
    ].filter(\.1).map { JSON.string($0.0) }
    let capabilities: [JSON] = plugin.record.isThreadSafe ? ["thread-safe"] : []
    return .object([
      JSON.Member("plugin", .string(plugin.record.title)),
      JSON.Member("abi", .string(unsafe ABI.text(descriptor.abi))),
      JSON.Member("abi_required", .string(unsafe ABI.text(descriptor.abi_required))),
      JSON.Member("host_abi", .string(ABI.text(ABI.version))),
      JSON.Member("styles", .array(styles)),
      JSON.Member("capabilities", .array(capabilities)),
      JSON.Member("hooks", .array(hooks)),
    ])
  }

  /// For people.
  static func text(_ description: JSON) -> String {
    func words(_ name: String) -> String {
      let words = (description[name]?.elements ?? []).compactMap(\.text).map { PrintableText.escaped($0) }
      return words.isEmpty ? "none" : words.joined(separator: ", ")
    }
    func word(_ name: String) -> String { PrintableText.escaped(description[name]?.text ?? "?") }
    return """
      plugin        \(word("plugin"))
      ABI           \(word("abi")), needs \(word("abi_required")) (this host has \(word("host_abi")))
      styles        \(words("styles"))
      capabilities  \(words("capabilities"))
      hooks         \(words("hooks"))
      """
  }
}
