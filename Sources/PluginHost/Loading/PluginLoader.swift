import COutrider
import Glibc
import HTTP
import Platform

/// Loads plugins: dlopen, checks of the ABI, `load`.
package enum PluginLoader {
  /// Why the plugin is loaded.
  package enum Purpose: UInt32 {
    case serve = 1
    case check = 2
    case inspect = 3
  }

  package struct Entry {
    package let number: Int
    let name: String
    package let path: String
    package let mount: String
    /// A worker loads the plugin, not the master.
    let isPerWorker: Bool
    package let configuration: PluginConfiguration

    package init(
      number: Int, name: String, path: String, mount: String, isPerWorker: Bool = false,
      configuration: PluginConfiguration
    ) {
      self.number = number
      self.name = name
      self.path = path
      self.mount = mount
      self.isPerWorker = isPerWorker
      self.configuration = configuration
    }
  }

  /// Loads one entry. The library stays mapped for the life of the process: dlclose is never called.
  ///
  /// - Parameter willRun: called with each hook before its code runs.
  package static func load(
    _ entry: Entry, purpose: Purpose, willRun: (RunningHook.Hook) -> Void = { _ in }
  ) throws(PluginLoadError) -> Plugin {
    func error(_ reason: String) -> PluginLoadError { PluginLoadError(plugin: entry.name, path: entry.path, reason) }

    let plugin = unsafe Plugin(
      PluginRecord(
        descriptor: unsafe outrider_plugin(), state: nil, host: HostTable.make(), number: entry.number,
        name: permanent(entry.name),
        path: entry.path, mount: permanent(entry.mount == "/" ? "" : entry.mount),
        isPerWorker: entry.isPerWorker, configuration: entry.configuration))
    unsafe plugin.record.host.pointee.implementation = plugin.raw
    unsafe plugin.record.state = UnsafeMutableRawPointer(plugin.record.host)

    let entryPoint = unsafe try open(entry, &plugin.record.file, willRun)
    willRun(.entryPoint)
    guard let descriptor = unsafe entryPoint(plugin.record.host) else {
      throw error("outrider_plugin_v1 returned no descriptor")
    }
    unsafe plugin.record.descriptor = try copy(descriptor, error)
    if let reason = unsafe objection(to: plugin.record.descriptor) { throw error(reason) }
    willRun(.load)
    try runLoad(plugin, purpose, error)
    return plugin
  }

  private typealias EntryPoint = @convention(c) (UnsafePointer<outrider_host>?) -> UnsafePointer<outrider_plugin>?

  private static func open(
    _ entry: Entry, _ file: inout PluginFile, _ willRun: (RunningHook.Hook) -> Void
  ) throws(PluginLoadError) -> EntryPoint {
    func error(_ reason: String) -> PluginLoadError { PluginLoadError(plugin: entry.name, path: entry.path, reason) }
    // Checked first: dlopen would search the library path for a name without a slash, and its message about a directory
    // is unclear.
    var status = stat()
    guard unsafe stat(entry.path, &status) == 0 else { throw error(Errno.last("stat").reason) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw error("not a regular file") }
    file = PluginFile(status)
    if let objection = try? ELFObject.objection(entry.path) { throw error(objection) }
    let path = entry.path.utf8.contains(UInt8(ascii: "/")) ? entry.path : "./" + entry.path
    willRun(.dlopen)
    guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else { throw error(loaderError(path)) }
    guard let symbol = unsafe dlsym(library, "outrider_plugin_v1") else {
      throw error("no symbol outrider_plugin_v1: not an Outrider plugin, or the symbol is hidden")
    }
    return unsafe unsafeBitCast(symbol, to: EntryPoint.self)  // the symbol's type is the contract
  }

  /// dlerror's text without the path, which the error already names.
  private static func loaderError(_ path: String) -> String {
    guard let error = unsafe dlerror() else { return "dlopen failed" }
    let text = unsafe String(cString: error)
    let prefix = path + ": "
    // The text contains names of libraries and symbols, unescaped.
    return LogText.escaped(Array((text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text).utf8))
  }

  /// The part of the plugin's table that both sides know; the rest is NULL.
  private static func copy(
    _ descriptor: UnsafePointer<outrider_plugin>, _ error: (String) -> PluginLoadError
  ) throws(PluginLoadError) -> outrider_plugin {
    let size = unsafe Int(descriptor.pointee.size)
    guard
      let copy = unsafe ABI.structure(
        at: descriptor, size: size, least: OUTRIDER_PLUGIN_SIZE_1_0, outrider_plugin.self)
    else { throw error("descriptor of \(size) bytes, smaller than ABI 1.0's \(OUTRIDER_PLUGIN_SIZE_1_0)") }
    return unsafe copy
  }

  /// What is wrong with the descriptor, or nil.
  private static func objection(to descriptor: outrider_plugin) -> String? {
    let abi = unsafe descriptor.abi
    let required = unsafe descriptor.abi_required
    let own = ABI.text(ABI.version)
    if abi >> 16 != ABI.major { return "built for ABI \(ABI.text(abi)), this host has \(own)" }
    if required >> 16 != ABI.major || required & 0xFFFF > ABI.minor {
      return "needs ABI \(ABI.text(required)), this host has \(own)"
    }
    if unsafe descriptor.name == nil || descriptor.version == nil { return "descriptor without name or version" }
    let events = unsafe [descriptor.open != nil, descriptor.on_event != nil, descriptor.close != nil]
    if events.contains(true) && events.contains(false) {
      return "event style needs all of open, on_event and close"
    }
    if unsafe descriptor.handle == nil && descriptor.open == nil {
      return "neither handle nor open: nothing can serve a request"
    }
    return nil
  }

  private static func runLoad(
    _ plugin: Plugin, _ purpose: Purpose, _ error: (String) -> PluginLoadError
  ) throws(PluginLoadError) {
    if let load = unsafe plugin.record.descriptor.load {
      var info = outrider_load_info(
        size: UInt32(MemoryLayout<outrider_load_info>.size), purpose: purpose.rawValue,
        process: plugin.record.isPerWorker ? OUTRIDER_PROCESS_WORKER : OUTRIDER_PROCESS_MASTER, reserved: 0)
      var hookError = HookError()
      var state = unsafe plugin.record.state
      plugin.record.isLoading = true
      let status = unsafe load(plugin.record.host, &info, &state, &hookError.raw)
      plugin.record.isLoading = false
      if !plugin.record.configurationErrors.isEmpty {
        if status >= 0 { unsafe plugin.record.descriptor.unload?(state) }
        var refused = error("load refused: \(hookError.text(status))")
        refused.configurationErrors = plugin.record.configurationErrors
        refused.isOnlyConfiguration = status >= 0 || !hookError.hasText
        throw refused
      }
      guard status >= 0 else { throw error("load refused: \(hookError.text(status))") }
      unsafe plugin.record.state = state
    }
    // Threads do not matter where no fork follows: in workers and inspections.
    if plugin.record.isPerWorker || purpose == .inspect { return }
    let threads = (try? Process.threadCount()) ?? 1
    guard threads == 1 else {
      throw error(
        "left \(threads - 1) thread(s) running after load; start them in worker_start, or set load = \"worker\"")
    }
  }

  /// A copy of the text in memory that is never freed.
  private static func permanent(_ text: String) -> Bytes {
    let bytes = Array(text.utf8)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    unsafe memory.update(from: bytes, count: bytes.count)
    return unsafe Bytes(base: memory, count: bytes.count)
  }
}

/// The text in which a hook gives the reason of a refusal.
package struct HookError {
  var raw = outrider_error()

  init() { raw.size = UInt32(MemoryLayout<outrider_error>.size) }

  /// The plugin has given a reason.
  var hasText: Bool { raw.text.0 != 0 }

  /// The plugin's reason, escaped, with lines after the first indented; or its status if it has given none.
  func text(_ status: Int32) -> String {
    let bytes = unsafe withUnsafeBytes(of: raw.text) { text in
      unsafe Array(text.prefix { $0 != 0 })
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n")).map { LogText.escaped(Array($0)) }
    return lines.isEmpty ? "status \(status)" : lines.joined(separator: "\n    ")
  }
}
