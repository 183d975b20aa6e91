import Glibc
import IPC

/// The channels to the workers of a master, by their slots.
struct WorkerChannels {
  private struct Entry {
    let channel: Channel
    /// The kinds of messages received so far.
    var received: Set<WorkerMessage> = []
  }

  private var entries: [Entry?]

  init(slots: Int) { entries = Array(repeating: nil, count: slots) }

  mutating func open(_ slot: Int, _ channel: Channel) { entries[slot] = Entry(channel: channel) }

  mutating func close(_ slot: Int) { entries[slot] = nil }

  /// Nil once the channel is closed.
  func descriptor(_ slot: Int) -> CInt? { entries[slot]?.channel.raw }

  // MARK: Messages of workers

  enum Incoming {
    case event(MasterEvent)
    /// The worker's end is closed.
    case closed
    /// A message that no worker of this server sends. Plugin code has sent it, or has overwritten memory of the server.
    case violation(String)
  }

  /// The next message of a worker, or nil if there is none. A worker sends only certain kinds, and each kind once.
  mutating func receive(from slot: Int) -> Incoming? {
    guard entries.indices.contains(slot), let channel = entries[slot]?.channel else { return nil }
    switch channel.receive() {
    case .nothing: return nil
    case .closed: return .closed
    case .malformed: return .violation("sends a malformed message")
    case .message(let kind, let fields, _):
      guard let message = WorkerMessage(rawValue: kind) else {
        return .violation("sends a message of kind \(kind)")
      }
      guard entries[slot]?.received.insert(message).inserted ?? true else {
        return .violation("sends \"\(message)\" twice")
      }
      switch message {
      case .ready: return .event(.workerReady(slot))
      case .replacementWanted: return .event(.lifetimeReached(slot))
      case .startFailed: return .event(.startFailed(slot, reason: fields["reason"] ?? "it does not say why"))
      default: return .violation("sends \"\(message)\", which only a master sends")
      }
    }
  }

  // MARK: Messages to workers

  func send(_ message: WorkerMessage, to slot: Int) { entries[slot]?.channel.send(message) }

  func broadcast(_ message: WorkerMessage, _ fields: KeyedFields = KeyedFields(), descriptor: CInt = -1) {
    for entry in entries { entry?.channel.send(message, fields, descriptor: descriptor) }
  }
}
