import Glibc
import IPC
import Logging
import Platform

// Messages of masters, which are checked by `MasterProtocol`.

extension Supervisor {
  /// Reads some messages of a master. The rest causes another event, after those of other descriptors.
  mutating func readChannel(of number: Int) {
    readMessages(of: number, limit: MasterLimits.messagesPerTurn, until: .max)
  }

  /// Reads the messages that a master sent before it ended. Another process may hold its end of the channel and keep
  /// sending.
  mutating func readFinalMessages(of number: Int) {
    readMessages(
      of: number, limit: MasterLimits.finalMessages, until: Clock.monotonic() &+ MasterLimits.finalMessagesTime)
  }

  private mutating func readMessages(of number: Int, limit: Int, until end: UInt64) {
    for _ in 0..<limit where end == .max || Clock.monotonic() < end {
      guard let index = state.index(of: number), let channel = state.generations[index].channel else { return }
      switch channel.receive() {
      case .nothing: return
      case .closed:
        closeChannel(index)
        return handle(.channelClosed(number))
      case .malformed: abortMaster(index, protocolViolation: "sends a malformed message")
      case .message(let kind, let fields, let descriptor): receive(kind, fields, descriptor, from: index)
      }
    }
  }

  private mutating func receive(
    _ number: UInt8, _ fields: KeyedFields, _ descriptor: consuming FileDescriptor?, from index: Int
  ) {
    let hasDescriptor: Bool
    switch descriptor {
    case .some: hasDescriptor = true
    case .none: hasDescriptor = false
    }
    let verdict = state.generations[index].masterProtocol.receive(
      number, hasDescriptor: hasDescriptor, now: Clock.monotonic())
    switch verdict {
    case .accepted: break
    case .ignored: return
    case .violation(let reason): return abortMaster(index, protocolViolation: reason)
    }
    guard let kind = MasterMessage(rawValue: number) else { return }
    if let descriptor {
      apply(kind, fields, descriptor, from: index)
    } else {
      apply(kind, fields, from: index)
    }
  }

  /// Handles a message without a descriptor.
  private mutating func apply(_ kind: MasterMessage, _ fields: KeyedFields, from index: Int) {
    switch kind {
    case .setting:
      state.generations[index].apply(parameters: fields)
    case .watch:
      guard let path = WatchedPath(fields) else {
        return abortMaster(index, protocolViolation: "names a malformed path to watch")
      }
      state.generations[index].settings.watched.append(path)
    case .configured: begin(index)
    case .step: state.generations[index].step = PrintableText.oneLine(fields["text"] ?? "", limit: MasterLimits.step)
    case .claim:
      guard let spec = ListenerSpec(fields) else {
        return abortMaster(index, protocolViolation: "claims a malformed listener")
      }
      state.generations[index].listenerSpecs.append(spec)
    case .sealed: seal(index)
    case .failed:
      state.generations[index].failure = PrintableText.oneLine(fields["reason"] ?? "", limit: MasterLimits.failure)
      state.generations[index].failureIsLogged = true
    case .ready: handle(.becameReady(state.generations[index].number))
    case .leaving: handle(.toldToLeave(state.generations[index].number))
    case .ticketKeys:
      guard let keys = fields["keys"], TicketKeysText.isWellFormed(keys, now: Clock.monotonic()) else {
        return abortMaster(index, protocolViolation: "sends malformed ticket keys")
      }
      state.ticketKeys = keys
    case .worker:
      guard let status = WorkerStatus(fields), state.generations[index].apply(status) else {
        return abortMaster(index, protocolViolation: "reports an impossible worker")
      }
    case .plugin:
      guard let info = PluginInfo(fields) else {
        return abortMaster(index, protocolViolation: "reports a malformed plugin")
      }
      state.generations[index].plugins.append(info)
      state.generations[index].pluginInfoBytes += fields.bytes.count
      guard state.generations[index].pluginInfoBytes <= MasterLimits.pluginInfoBytes else {
        return abortMaster(
          index, protocolViolation: "reports more than \(MasterLimits.pluginInfoBytes) bytes on its plugins")
      }
    case .paused:
      guard let pause = PluginPause(fields), state.generations[index].apply(pause) else {
        return abortMaster(index, protocolViolation: "reports the pause of an impossible plugin")
      }
    case .listener, .scoreboard, .configuration, .begin, .drain, .stop, .scale, .log, .retire, .store: break
    }
  }

  /// Handles a message with a descriptor, which is allowed only before `sealed`.
  private mutating func apply(
    _ kind: MasterMessage, _ fields: KeyedFields, _ descriptor: consuming FileDescriptor, from index: Int
  ) {
    switch kind {
    case .listener:
      let generation = state.generations[index]
      guard let listener = PassedListener(fields),
        store.keep(descriptor, name: listener.name, of: generation.number, user: generation.settings.user)
      else {
        return abortMaster(index, protocolViolation: "sends a socket that does not listen, or one too many")
      }
    case .scoreboard:
      guard let size = MemoryFile.sealedSize(of: descriptor.raw), fields.number("size") == size,
        let board = GenerationScoreboard(descriptor)
      else { return abortMaster(index, protocolViolation: "sends a scoreboard that is malformed or not sealed") }
      state.generations[index].nextScoreboard = board
    case .configuration:
      guard let bytes = MemoryFile.contents(of: descriptor, limit: MasterLimits.configuration) else {
        return abortMaster(index, protocolViolation: "sends a configuration that is unreadable or not sealed")
      }
      state.generations[index].configuration = String(decoding: bytes, as: UTF8.self)
    default: break
    }
  }

  /// Seals the channel: from here on no message has a descriptor or determines anything.
  private mutating func seal(_ index: Int) {
    guard let channel = state.generations[index].channel else { return }
    epoll.remove(channel.raw)
    channel.seal()
    do throws(Errno) {
      try epoll.add(
        channel.raw, .readable, token: Supervisor.firstChannelToken + UInt64(state.generations[index].number))
    } catch {
      return abortMaster(index, protocolViolation: "has an unreadable channel: \(error)")
    }
    channel.send(MasterMessage.sealed)
  }

  /// Kills a master that has violated the protocol. Its generation is replaced; after a reload the former generation
  /// keeps serving.
  private mutating func abortMaster(_ index: Int, protocolViolation reason: String) {
    let generation = state.generations[index]
    log.error(
      "generation \(generation.number): its master \(generation.master) \(reason); killing it")
    closeChannel(index)
    handle(.unusable(generation.number, reason: "its master \(reason)", isLogged: true))
  }

  mutating func closeChannel(_ index: Int) {
    if let channel = state.generations[index].channel { epoll.remove(channel.raw) }
    state.generations[index].channel = nil
  }
}
