import Glibc
import Platform

/// The listening sockets, kept from master to master under the names of their bind settings: connections wait in their
/// backlogs while no master serves.
struct ListenerStore: ~Copyable {
  /// Who has bound a socket.
  enum Origin: String {
    /// A master of this service.
    case bound
    /// The service manager, which has passed it.
    case systemd
    /// Whoever has started the supervisor.
    case inherited
  }

  private struct Entry {
    let name: String
    let descriptor: CInt
    /// It was there before the supervisor, which never closes it as long as it serves, and changes nothing about it.
    var isInherited = false
    /// The name that systemd has given it.
    var systemdName: String?
    /// Set as long as the generation that has bound it does not serve: it goes if that one fails.
    var provisionalFor: Int?
    /// The file of a unix socket, to be removed with it.
    var file: SocketFile?
    /// Where it listens, as long as nobody has changed that.
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

  /// Takes a socket that a starting generation has bound; false if it is none, or if there is no room for it.
  ///
  /// - Parameter user: who the generation's processes become.
  mutating func keep(
    _ descriptor: consuming FileDescriptor, name: String, of generation: Int, user: ServiceUser?
  ) -> Bool {
    guard ListeningSocket.isListening(descriptor.raw) else { return false }
    // Of the same name: the master has sent back what it was given.
    guard !entries.contains(where: { $0.name == name }) else { return true }
    guard entries.count < MasterLimits.listeners else { return false }
    let file = SocketFile(boundTo: descriptor.raw, user: user)
    let address = ListeningSocket.boundAddress(descriptor.raw)
    entries.append(
      Entry(
        name: name, descriptor: descriptor.release(), provisionalFor: generation, file: file, address: address))
    return true
  }

  /// Closes those bound here that can't be served any more: a plugin can do that to a socket which it shares, for all who
  /// have it. Whoever is next binds them anew.
  ///
  /// - Returns: their names.
  mutating func dropUnusable() -> [String] {
    let names = entries.filter { !$0.isInherited && !ListeningSocket.serves($0.descriptor, $0.address) }.map(\.name)
    removeAll { names.contains($0.name) }
    return names
  }

  /// Sends all of them; false if the other side does not take them.
  func sendAll(over channel: Channel) -> Bool {
    entries.allSatisfy { entry in
      let systemd = entry.systemdName.map { "\nsystemd:\($0)" } ?? ""
      return channel.send(
        kind: MasterMessage.listener.rawValue, text: Array((entry.name + systemd).utf8), descriptor: entry.descriptor)
    }
  }

  /// The generation serves: what it claims stays, and becomes as it is configured now; the rest is closed here.
  ///
  /// - Parameter user: who its processes become.
  /// - Returns: what could not be changed.
  mutating func settle(_ claims: [ListenerClaim], user: ServiceUser?) -> [Errno] {
    let names = Set(claims.map(\.name))
    // The generation before serves the last clients of a socket that goes. Where another takes its place, whoever tries
    // again finds that.
    for entry in entries where !entry.isInherited && !names.contains(entry.name) {
      ListeningSocket.refuseNewcomers(entry.descriptor)
    }
    removeAll { !$0.isInherited && !names.contains($0.name) }
    var faults: [Errno] = []
    for index in entries.indices where !entries[index].isInherited {
      entries[index].file = entries[index].file?.of(user)
      let entry = entries[index]
      entries[index].provisionalFor = nil
      guard entry.provisionalFor == nil, let claim = claims.first(where: { $0.name == entry.name }) else { continue }
      do throws(Errno) {
        try ListeningSocket.change(entry.descriptor, file: entry.file, claim.options)
      } catch {
        faults.append(error)
      }
    }
    return faults
  }

  /// The generation has failed: what it had bound is closed.
  mutating func discard(_ generation: Int) { removeAll { $0.provisionalFor == generation } }

  mutating func removeAll() { removeAll { _ in true } }

  private mutating func removeAll(where isLeaving: (Entry) -> Bool) {
    for entry in entries where isLeaving(entry) {
      entry.file?.remove()
      close(entry)
    }
    entries.removeAll(where: isLeaving)
  }

  /// Nobody waits for what others have left unsent in it. What is inherited is somebody else's, and stays as it is.
  private func close(_ entry: Entry) {
    if !entry.isInherited { ListeningSocket.prepareToClose(entry.descriptor) }
    _ = FileDescriptor(owning: entry.descriptor)
  }

  // MARK: For people

  struct Socket {
    /// As a configuration has it.
    let bind: String
    let address: SocketAddress
    let origin: Origin
    /// How many connections wait to be accepted; nil where the kernel does not tell.
    let waiting: Int?
  }

  /// The socket of this name.
  func socket(_ name: String) -> Socket? {
    guard let entry = entries.first(where: { $0.name == name }) else { return nil }
    let address = ListeningSocket.boundAddress(entry.descriptor)
    // Of several with port 0 each has a count behind it.
    let bind = address.family == AF_UNIX ? name : String(name.prefix { $0 != "#" })
    return Socket(
      bind: entry.systemdName.map { "systemd:\($0)" } ?? bind, address: address, origin: entry.origin,
      waiting: address.family == AF_UNIX ? nil : ListeningSocket.backlogLength(entry.descriptor))
  }

  // MARK: Over an exec

  var descriptors: [CInt] { entries.map(\.descriptor) }

  var savedLines: String {
    entries.reduce("") { text, entry in
      text
        + StateText.line(
          ["listener", entry.origin.rawValue, "\(entry.descriptor)", entry.file?.saved ?? "-"],
          text: entry.systemdName ?? entry.name)
    }
  }

  mutating func restore(_ record: StateText.Record) {
    var record = record
    let origin = Origin(rawValue: record.word())
    let fd = record.number(CInt.self)
    let saved = record.word()
    guard fd > 2, ListeningSocket.isStreamSocket(fd), !entries.contains(where: { $0.descriptor == fd }) else { return }
    Process.closeOnExec(fd)
    if origin == .bound {
      entries.append(
        Entry(
          name: record.text(), descriptor: fd, file: SocketFile(boundTo: fd, saved: saved),
          address: ListeningSocket.boundAddress(fd)))
    } else {
      add(InheritedSockets.Socket(descriptor: fd, systemdName: origin == .systemd ? record.text() : nil))
    }
  }

  deinit {
    for entry in entries { close(entry) }
  }
}
