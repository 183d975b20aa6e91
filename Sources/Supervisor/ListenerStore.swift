import Glibc
import IPC
import Platform

/// The listening sockets by the names of their bind settings, kept across generations. While no generation serves,
/// connections wait in their backlogs.
struct ListenerStore: ~Copyable {
  /// The origin of a socket.
  enum Origin: String {
    /// A master of this service has bound it.
    case bound
    /// The service manager has passed it.
    case systemd
    /// Another parent of the supervisor has passed it.
    case inherited
  }

  private struct Entry {
    let name: String
    let descriptor: CInt
    /// The socket was passed to the supervisor, which does not change or close it while it serves.
    var isInherited = false
    /// Its name in systemd.
    var systemdName: String?
    /// The starting generation that has bound it. If the start fails, the socket is closed.
    var provisionalFor: Int?
    /// The file of a unix socket, which is removed when the socket is closed.
    var file: SocketFile?
    /// The bound address.
    let address: SocketAddress

    var origin: Origin { isInherited ? systemdName == nil ? .inherited : .systemd : .bound }
  }

  private var entries: [Entry] = []

  mutating func add(_ socket: InheritedSockets.Socket) {
    entries.append(
      Entry(
        name: "fd:\(socket.descriptor)", descriptor: socket.descriptor, isInherited: true,
        systemdName: socket.systemdName, address: ListeningSocket.boundAddress(socket.descriptor)))
  }

  /// Adds a socket that a starting generation has bound.
  ///
  /// - Parameter user: the user of the generation's processes.
  /// - Returns: false if it is not a listening socket, or there is no room.
  mutating func keep(
    _ descriptor: consuming FileDescriptor, name: String, of generation: Int, user: ServiceUser?
  ) -> Bool {
    guard ListeningSocket.isListening(descriptor.raw) else { return false }
    // The master has returned a socket that was passed to it.
    guard !entries.contains(where: { $0.name == name }) else { return true }
    guard entries.count < MasterLimits.listeners else { return false }
    let file = SocketFile(boundTo: descriptor.raw, user: user)
    let address = ListeningSocket.boundAddress(descriptor.raw)
    entries.append(
      Entry(
        name: name, descriptor: descriptor.release(), provisionalFor: generation, file: file, address: address))
    return true
  }

  /// Closes bound sockets that no longer listen, because a plugin has shut down a socket that all processes share. The
  /// next master binds them again.
  ///
  /// - Returns: their names.
  mutating func dropUnusable() -> [String] {
    let names = entries.filter { !$0.isInherited && !ListeningSocket.serves($0.descriptor, $0.address) }.map(\.name)
    removeAll { names.contains($0.name) }
    return names
  }

  /// Sends all sockets; false if the other side does not receive them.
  func sendAll(over channel: Channel) -> Bool {
    entries.allSatisfy { entry in
      let listener = PassedListener(name: entry.name, systemdName: entry.systemdName)
      return channel.send(MasterMessage.listener, listener.fields, descriptor: entry.descriptor)
    }
  }

  /// The generation serves: keeps the sockets of its listeners and applies their settings; closes all others.
  ///
  /// - Parameter user: the user that its processes switch to.
  /// - Returns: the errors of settings that could not be changed.
  mutating func activate(_ specs: [ListenerSpec], user: ServiceUser?) -> [Errno] {
    let names = Set(specs.map(\.name))
    // The former generation serves the backlog of a removed socket. New connections are refused, so that clients retry
    // and reach a new socket at the same address.
    for entry in entries where !entry.isInherited && !names.contains(entry.name) {
      ListeningSocket.stopNewConnections(entry.descriptor)
    }
    removeAll { !$0.isInherited && !names.contains($0.name) }
    var errors: [Errno] = []
    for index in entries.indices where !entries[index].isInherited {
      entries[index].file = entries[index].file?.of(user)
      let entry = entries[index]
      entries[index].provisionalFor = nil
      guard entry.provisionalFor == nil, let spec = specs.first(where: { $0.name == entry.name }) else { continue }
      do throws(Errno) {
        try ListeningSocket.change(entry.descriptor, file: entry.file, spec.options)
      } catch {
        errors.append(error)
      }
    }
    return errors
  }

  /// Closes the sockets that a failed generation has bound.
  mutating func discard(_ generation: Int) { removeAll { $0.provisionalFor == generation } }

  mutating func removeAll() { removeAll { _ in true } }

  private mutating func removeAll(where isRemoved: (Entry) -> Bool) {
    for entry in entries where isRemoved(entry) {
      entry.file?.remove()
      close(entry)
    }
    entries.removeAll(where: isRemoved)
  }

  /// Closes without waiting for unsent data. An inherited socket belongs to the parent and is left unchanged.
  private func close(_ entry: Entry) {
    if !entry.isInherited { ListeningSocket.prepareToClose(entry.descriptor) }
    _ = FileDescriptor(owning: entry.descriptor)
  }

  // MARK: For the control socket

  struct Socket {
    /// In the form of `listener.bind`.
    let bind: String
    let address: SocketAddress
    let origin: Origin
    /// The number of connections in the backlog; nil if the kernel does not report it.
    let waiting: Int?
  }

  /// The socket with this name.
  func socket(_ name: String) -> Socket? {
    guard let entry = entries.first(where: { $0.name == name }) else { return nil }
    let address = ListeningSocket.boundAddress(entry.descriptor)
    // The part after `#` distinguishes sockets with the same address.
    let bind = address.family == AF_UNIX ? name : String(name.prefix { $0 != "#" })
    return Socket(
      bind: entry.systemdName.map { "systemd:\($0)" } ?? bind, address: address, origin: entry.origin,
      waiting: address.family == AF_UNIX ? nil : ListeningSocket.backlogLength(entry.descriptor))
  }

  // MARK: Over an exec

  var descriptors: [CInt] { entries.map(\.descriptor) }

  func save(to records: inout KeyedRecords) {
    for entry in entries {
      var fields = PassedListener(name: entry.name, systemdName: entry.systemdName).fields
      fields.set("origin", entry.origin.rawValue)
      fields.set("descriptor", entry.descriptor)
      fields.set("file", entry.file?.saved)
      records.append("listener", fields)
    }
  }

  mutating func restore(_ fields: KeyedFields) {
    guard let listener = PassedListener(fields), let fd = fields.number("descriptor", in: 3...CInt.max),
      ListeningSocket.isStreamSocket(fd), !entries.contains(where: { $0.descriptor == fd })
    else { return }
    Process.closeOnExec(fd)
    if fields["origin"] == Origin.bound.rawValue {
      let file = fields["file"].flatMap { SocketFile(boundTo: fd, saved: $0) }
      entries.append(
        Entry(name: listener.name, descriptor: fd, file: file, address: ListeningSocket.boundAddress(fd)))
    } else {
      add(InheritedSockets.Socket(descriptor: fd, systemdName: listener.systemdName))
    }
  }

  deinit {
    for entry in entries { close(entry) }
  }
}
