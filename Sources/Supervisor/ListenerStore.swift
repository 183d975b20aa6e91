import Glibc
import Platform

/// The listening sockets, kept from master to master under the names of their bind settings: connections wait in their
/// backlogs while no master serves.
struct ListenerStore: ~Copyable {
  private struct Entry {
    let name: String
    let descriptor: CInt
    /// Set as long as the generation that has bound it does not serve: it goes if that one fails.
    var provisionalFor: Int?
    /// The file of a unix socket, to be removed with it.
    let file: SocketFile?
  }

  private var entries: [Entry] = []

  /// Takes a socket that a starting generation has bound.
  mutating func keep(_ descriptor: consuming FileDescriptor, name: String, of generation: Int) {
    // Of the same name: the master has sent back what it was given.
    guard !entries.contains(where: { $0.name == name }) else { return }
    let file = SocketFile(boundTo: descriptor.raw)
    entries.append(Entry(name: name, descriptor: descriptor.release(), provisionalFor: generation, file: file))
  }

  /// Sends all of them; false if the other side does not take them.
  func sendAll(over channel: Channel) -> Bool {
    entries.allSatisfy { entry in
      channel.send(
        kind: MasterMessage.listener.rawValue, text: Array(entry.name.utf8), descriptor: entry.descriptor)
    }
  }

  /// The generation serves: what it claims stays, the rest is closed here.
  mutating func settle(_ generation: Int, claims: [String]) {
    removeAll { !claims.contains($0.name) }
    for index in entries.indices { entries[index].provisionalFor = nil }
  }

  /// The generation has failed: what it had bound is closed.
  mutating func discard(_ generation: Int) { removeAll { $0.provisionalFor == generation } }

  mutating func removeAll() { removeAll { _ in true } }

  private mutating func removeAll(where isLeaving: (Entry) -> Bool) {
    for entry in entries where isLeaving(entry) {
      entry.file?.remove()
      _ = FileDescriptor(owning: entry.descriptor)
    }
    entries.removeAll(where: isLeaving)
  }

  // MARK: Over an exec

  var descriptors: [CInt] { entries.map(\.descriptor) }

  var savedLines: String {
    entries.reduce("") { text, entry in
      text + StateText.line(["listener", "\(entry.descriptor)", entry.file?.identity ?? "-"], text: entry.name)
    }
  }

  mutating func restore(_ record: StateText.Record) {
    var record = record
    let fd = record.number(CInt.self)
    guard fd > 2 else { return }
    Process.closeOnExec(fd)
    let file = SocketFile(boundTo: fd, identity: record.word())
    entries.append(Entry(name: record.text(), descriptor: fd, provisionalFor: nil, file: file))
  }

  deinit {
    for entry in entries { _ = FileDescriptor(owning: entry.descriptor) }
  }
}
