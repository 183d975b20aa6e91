import Glibc
import Logging
import Platform

// What masters say, and how much of it is believed.

extension Supervisor {
  /// Reads some of what a master has said: what is left brings another event, after those of others.
  mutating func readChannel(of number: Int) {
    readMessages(of: number, most: MasterLimits.turn, until: .max)
  }

  /// A master has ended: what it had said by then. Somebody else may hold its end of the line, and go on.
  mutating func readLastWords(of number: Int) {
    readMessages(
      of: number, most: MasterLimits.lastWords, until: Clock.monotonic() &+ MasterLimits.lastWordsTime)
  }

  private mutating func readMessages(of number: Int, most: Int, until end: UInt64) {
    for _ in 0..<most where end == .max || Clock.monotonic() < end {
      guard let index = state.index(of: number), let line = state.generations[index].channel else { return }
      switch line.receive() {
      case .nothing: return
      case .closed:
        // The child's end follows as SIGCHLD, unless it is stuck without a line.
        hangUp(index)
        let patience = Clock.monotonic() &+ Supervisor.stopTime
        state.generations[index].deadline = min(state.generations[index].deadline, patience)
        return
      case .malformed: distrust(index, "sends what is no message")
      case .message(let kind, let text, let descriptor):
        hear(kind, String(decoding: text, as: UTF8.self), descriptor, from: index)
      }
    }
  }

  private mutating func hear(
    _ number: UInt8, _ text: String, _ descriptor: consuming FileDescriptor?, from index: Int
  ) {
    let hasDescriptor: Bool
    switch descriptor {
    case .some: hasDescriptor = true
    case .none: hasDescriptor = false
    }
    let verdict = state.generations[index].talk.hear(
      number, text, hasDescriptor: hasDescriptor, now: Clock.monotonic())
    switch verdict {
    case .believed: break
    case .ignored: return
    case .fault(let reason): return distrust(index, reason)
    }
    guard let kind = MasterMessage(rawValue: number) else { return }
    if let descriptor {
      take(kind, text, descriptor, from: index)
    } else {
      take(kind, text, from: index)
    }
  }

  /// A message without a descriptor.
  private mutating func take(_ kind: MasterMessage, _ text: String, from index: Int) {
    switch kind {
    case .setting:
      state.generations[index].take(setting: text)
    case .configured: begin(index)
    case .step: state.generations[index].step = PrintableText.oneLine(text, limit: MasterLimits.step)
    case .claim:
      guard let claim = ListenerClaim(text: text) else { return distrust(index, "claims what is no listener") }
      state.generations[index].claims.append(claim)
    case .sealed: seal(index)
    case .failed:
      state.generations[index].failure = PrintableText.oneLine(text, limit: MasterLimits.failure)
      state.generations[index].failureIsTold = true
    case .ready: isReady(index)
    case .leaving: isLeaving(index)
    case .ticketKeys:
      guard TicketKeysText.isWellFormed(text, now: Clock.monotonic()) else {
        return distrust(index, "sends ticket keys that are none")
      }
      state.ticketKeys = text
    case .worker:
      guard let notice = WorkerNotice(text: text), state.generations[index].take(notice) else {
        return distrust(index, "tells of a worker that there can't be")
      }
    case .plugin:
      guard let notice = PluginNotice(text: text) else { return distrust(index, "tells of what is no plugin") }
      state.generations[index].plugins.append(notice)
      state.generations[index].noticeBytes += text.utf8.count
      guard state.generations[index].noticeBytes <= MasterLimits.notices else {
        return distrust(index, "tells more of its plugins than \(MasterLimits.notices) bytes")
      }
    case .listener, .scoreboard, .configuration, .begin, .drain, .stop, .scale, .log, .retire: break
    }
  }

  /// A message with one, of which only the server's own code sends any.
  private mutating func take(
    _ kind: MasterMessage, _ text: String, _ descriptor: consuming FileDescriptor, from index: Int
  ) {
    switch kind {
    case .listener:
      let generation = state.generations[index]
      guard store.keep(descriptor, name: text, of: generation.number, user: generation.settings.user) else {
        return distrust(index, "sends a listener that is no listening socket, or one too many")
      }
    case .scoreboard:
      guard let size = MemoryFile.sealedSize(of: descriptor.raw), Int(text) == size,
        let board = GenerationScoreboard(descriptor)
      else { return distrust(index, "sends a scoreboard that is none, or that is not sealed") }
      state.generations[index].nextScoreboard = board
    case .configuration:
      guard let bytes = MemoryFile.contents(of: descriptor, limit: MasterLimits.configuration) else {
        return distrust(index, "sends a configuration that can't be read, or that is not sealed")
      }
      state.generations[index].configuration = String(decoding: bytes, as: UTF8.self)
    default: break
    }
  }

  /// Nothing that it says from here on comes with a descriptor, or decides anything.
  private mutating func seal(_ index: Int) {
    guard let line = state.generations[index].channel else { return }
    epoll.remove(line.raw)
    line.seal()
    do throws(Errno) {
      try epoll.add(
        line.raw, .readable, token: Supervisor.firstChannelToken + UInt64(state.generations[index].number))
    } catch {
      return distrust(index, "can't be heard: \(error)")
    }
    line.send(kind: MasterMessage.sealed.rawValue)
  }

  /// A master has broken the rules: nothing more is heard of it, and its generation is replaced. At a reload the one
  /// before goes on.
  private mutating func distrust(_ index: Int, _ reason: String) {
    let generation = state.generations[index]
    log.error(
      "generation \(generation.number): its master \(generation.master) \(reason): that is not believed, it is killed")
    if state.generations[index].failure == nil {
      state.generations[index].failure = "its master \(reason)"
      state.generations[index].failureIsTold = true
    }
    hangUp(index)
    state.generations[index].isKilled = true
    kill(index)
  }

  mutating func hangUp(_ index: Int) {
    if let line = state.generations[index].channel { epoll.remove(line.raw) }
    state.generations[index].channel = nil
  }
}
