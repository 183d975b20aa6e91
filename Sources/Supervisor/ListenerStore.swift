import Platform

/// The listening sockets, kept from master to master under the names of their bind settings: connections wait in their
/// backlogs while no master serves.
struct ListenerStore: ~Copyable {
  private var names: [String] = []
  private var descriptors: [CInt] = []

  mutating func keep(_ descriptor: consuming FileDescriptor, name: String) {
    // Of the same name: the master has sent back what it was given.
    guard !names.contains(name) else { return }
    names.append(name)
    descriptors.append(descriptor.release())
  }

  func sendAll(over channel: Channel) {
    for (name, descriptor) in zip(names, descriptors) {
      channel.send(kind: MasterMessage.listener.rawValue, text: Array(name.utf8), descriptor: descriptor)
    }
  }

  deinit {
    for descriptor in descriptors { _ = FileDescriptor(owning: descriptor) }
  }
}
