import IPC
import Platform

/// The listening sockets that the supervisor passes to a master. Each can be taken once; the rest is closed.
struct InheritedListeners: ~Copyable {
  private struct Entry {
    let descriptor: CInt
    let name: String
    /// `systemd:NAME` of a socket that systemd has passed.
    let systemdName: String?
  }

  private var entries: [Entry] = []
  /// No generation has served before: the supervisor has passed no sockets.
  private(set) var isFirst = true

  mutating func add(_ descriptor: consuming FileDescriptor, _ listener: PassedListener) {
    isFirst = false
    entries.append(
      Entry(
        descriptor: descriptor.release(), name: listener.name,
        systemdName: listener.systemdName.map { "systemd:\($0)" }))
  }

  /// A socket with the name that the supervisor knows it by.
  struct Taken: ~Copyable {
    let descriptor: FileDescriptor
    let name: String
  }

  /// The socket of this name.
  mutating func take(_ name: String) -> Taken? { takeFirst { $0.name == name } }

  /// A socket that systemd has passed, with this name (`systemd:NAME`) or any.
  mutating func takeActivated(_ name: String? = nil) -> Taken? {
    takeFirst { $0.systemdName != nil && (name == nil || $0.systemdName == name) }
  }

  private mutating func takeFirst(where matches: (Entry) -> Bool) -> Taken? {
    guard let index = entries.firstIndex(where: matches) else { return nil }
    let entry = entries.remove(at: index)
    return Taken(descriptor: FileDescriptor(owning: entry.descriptor), name: entry.name)
  }

  /// The systemd names of the sockets that are not taken.
  var activatedNames: [String] { entries.compactMap(\.systemdName) }

  /// The sockets that are bound to this port, at any address.
  func descriptors(withPort port: UInt16) -> [CInt] {
    entries.map(\.descriptor).filter { port != 0 && ListeningSocket.boundAddress($0).port == port }
  }

  deinit {
    for entry in entries { _ = FileDescriptor(owning: entry.descriptor) }
  }
}
