import Platform

/// The listening sockets that the supervisor keeps, each to be taken once; what is left is closed.
struct StoredSockets: ~Copyable {
  private struct Entry {
    let descriptor: CInt
    let name: String
    /// `systemd:NAME`, if systemd has passed it.
    let systemdName: String?
  }

  private var entries: [Entry] = []
  /// There were none to begin with: no generation has served before.
  private(set) var isFirst = true

  /// - Parameter text: the name of the socket; a second line has the one that it was given by systemd.
  mutating func add(_ descriptor: consuming FileDescriptor, text: String) {
    isFirst = false
    let inherited = text.hasPrefix("fd:") ? text.split(separator: "\n", maxSplits: 1) : []
    let name = inherited.first.map(String.init) ?? text
    let systemdName = inherited.count == 2 ? String(inherited[1]) : nil
    entries.append(Entry(descriptor: descriptor.release(), name: name, systemdName: systemdName))
  }

  /// A socket that is taken, and its name with the supervisor.
  struct Taken: ~Copyable {
    let descriptor: FileDescriptor
    let name: String
  }

  /// The socket of this name.
  mutating func take(_ name: String) -> Taken? { takeFirst { $0.name == name } }

  /// One of the sockets that systemd has passed, under this name (`systemd:NAME`) or any.
  mutating func takeActivated(_ name: String? = nil) -> Taken? {
    takeFirst { $0.systemdName != nil && (name == nil || $0.systemdName == name) }
  }

  private mutating func takeFirst(where matches: (Entry) -> Bool) -> Taken? {
    guard let index = entries.firstIndex(where: matches) else { return nil }
    let entry = entries.remove(at: index)
    return Taken(descriptor: FileDescriptor(owning: entry.descriptor), name: entry.name)
  }

  /// The names of those passed by systemd that nobody has taken.
  var activatedNames: [String] { entries.compactMap(\.systemdName) }

  /// Those bound here before to any address with this port.
  func descriptors(withPort port: UInt16) -> [CInt] {
    entries.map(\.descriptor).filter { port != 0 && ListeningSocket.boundAddress($0).port == port }
  }

  deinit {
    for entry in entries { _ = FileDescriptor(owning: entry.descriptor) }
  }
}
