import COutrider
import Glibc
import HTTP
import Platform

/// Brings plugins in: dlopen, the checks of the ABI, `load`.
package enum PluginLoader {
  /// Why `load` is run.
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
    /// It is loaded in a worker, not in the master.
    let isWorkersOwn: Bool
    package let configuration: PluginConfiguration

    package init(
      number: Int, name: String, path: String, mount: String, isWorkersOwn: Bool = false,
      configuration: PluginConfiguration
    ) {
      self.number = number
      self.name = name
      self.path = path
      self.mount = mount
      self.isWorkersOwn = isWorkersOwn
      self.configuration = configuration
    }
  }

  /// Loads one entry. The library stays for the life of the process: dlclose is never called.
  package static func load(_ entry: Entry, purpose: Purpose) throws(LoadFault) -> Plugin {
    func fault(_ reason: String) -> LoadFault { LoadFault(plugin: entry.name, path: entry.path, reason) }

    let plugin = unsafe Plugin(
      PluginRecord(
        descriptor: unsafe outrider_plugin(), state: nil, host: HostTable.make(), number: entry.number,
        name: permanent(entry.name),
        path: entry.path, mount: permanent(entry.mount == "/" ? "" : entry.mount),
        isWorkersOwn: entry.isWorkersOwn, configuration: entry.configuration))
    unsafe plugin.record.host.pointee.implementation = UnsafeMutableRawPointer(plugin.address)
    unsafe plugin.record.state = UnsafeMutableRawPointer(plugin.record.host)

    let entryPoint = unsafe try open(entry)
    guard let descriptor = unsafe entryPoint(plugin.record.host) else {
      throw fault("outrider_plugin_v1 returned no descriptor")
    }
    unsafe plugin.record.descriptor = try copy(descriptor, fault)
    if let reason = unsafe objection(to: plugin.record.descriptor) { throw fault(reason) }
    try runLoad(plugin, purpose, fault)
    return plugin
  }

  private typealias EntryPoint = @convention(c) (UnsafePointer<outrider_host>?) -> UnsafePointer<outrider_plugin>?

  private static func open(_ entry: Entry) throws(LoadFault) -> EntryPoint {
    func fault(_ reason: String) -> LoadFault { LoadFault(plugin: entry.name, path: entry.path, reason) }
    // Checked first: dlopen would search the library path for a bare name, and says little of a directory.
    var status = stat()
    guard unsafe stat(entry.path, &status) == 0 else { throw fault(Errno.last("stat").reason) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw fault("not a regular file") }
    if let objection = try? ELFObject.objection(entry.path) { throw fault(objection) }
    let path = entry.path.utf8.contains(UInt8(ascii: "/")) ? entry.path : "./" + entry.path
    guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else { throw fault(loaderError(path)) }
    guard let symbol = unsafe dlsym(library, "outrider_plugin_v1") else {
      throw fault("no symbol outrider_plugin_v1: not an Outrider plugin, or the symbol is hidden")
    }
    return unsafe unsafeBitCast(symbol, to: EntryPoint.self)  // the symbol's type is the contract
  }

  /// dlerror's text without the path, which the fault names already.
  private static func loaderError(_ path: String) -> String {
    guard let error = unsafe dlerror() else { return "dlopen failed" }
    let text = unsafe String(cString: error)
    let prefix = path + ": "
    // Names of libraries and symbols are in it, as the file has them.
    return LogText.escaped(Array((text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text).utf8))
  }

  /// As much of the plugin's table as both sides know; the rest stays NULL.
  private static func copy(
    _ descriptor: UnsafePointer<outrider_plugin>, _ fault: (String) -> LoadFault
  ) throws(LoadFault) -> outrider_plugin {
    let size = unsafe Int(descriptor.pointee.size)
    let full = unsafe MemoryLayout<outrider_plugin>.size
    // 1.0's table is the least that any plugin has.
    guard size >= full else { throw fault("descriptor of \(size) bytes, smaller than ABI 1.0's \(full)") }
    return unsafe descriptor.pointee
  }

  /// What is wrong with the descriptor, if anything is.
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
    _ plugin: Plugin, _ purpose: Purpose, _ fault: (String) -> LoadFault
  ) throws(LoadFault) {
    if let load = unsafe plugin.record.descriptor.load {
      var info = outrider_load_info(size: UInt32(MemoryLayout<outrider_load_info>.size), purpose: purpose.rawValue)
      var error = HookError()
      var state = unsafe plugin.record.state
      let status = unsafe load(plugin.record.host, &info, &state, &error.raw)
      guard status >= 0 else { throw fault("load refused: \(error.text(status))") }
      unsafe plugin.record.state = state
    }
    // A worker forks no more.
    if plugin.record.isWorkersOwn { return }
    let threads = (try? Process.threadCount()) ?? 1
    guard threads == 1 else {
      throw fault(
        "left \(threads - 1) thread(s) running after load; start them in worker_start, or set load = \"worker\"")
    }
  }

  /// The text in memory that is never freed.
  private static func permanent(_ text: String) -> Bytes {
    let bytes = Array(text.utf8)
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    unsafe memory.update(from: bytes, count: bytes.count)
    return unsafe Bytes(base: memory, count: bytes.count)
  }
}

/// The text in which a hook says why it refuses.
package struct HookError {
  var raw = outrider_error()

  init() { raw.size = UInt32(MemoryLayout<outrider_error>.size) }

  /// The plugin's words, escaped, or its status where it gave none.
  func text(_ status: Int32) -> String {
    let bytes = unsafe withUnsafeBytes(of: raw.text) { text in
      unsafe Array(text.prefix { $0 != 0 })
    }
    return bytes.isEmpty ? "status \(status)" : LogText.escaped(bytes)
  }
}
