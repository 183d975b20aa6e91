import Configuration
import Platform
import TLS

/// A master's line to its supervisor, and what goes over it while the master starts.
package struct SupervisorLine: Sendable {
  let channel: Channel

  /// - Parameters:
  ///   - descriptor: the socket that the supervisor has made for this master.
  ///   - reports: the pipe beside it; nil if the supervisor is of a version that makes none.
  package init(owning descriptor: consuming FileDescriptor, reports: consuming FileDescriptor?) {
    channel = Channel.lower(socket: descriptor, pipe: reports)
  }

  /// How long the supervisor may be busy with something else.
  private static let patience = 5 * Clock.nanosecondsPerSecond

  /// Tells what the supervisor has to know of the configuration, and takes what it keeps.
  ///
  /// - Parameter user: who this process is about to become; nil for nobody else.
  func introduce(_ settings: Settings, user: ServiceUser?) throws(StartFault) -> Inheritance {
    tell(.bootTimeout, "\(settings.server.bootTimeout)")
    tell(.gracefulTimeout, "\(settings.server.gracefulTimeout)")
    tell(.restartBackoff, "\(settings.server.restartBackoff)")
    tell(.workerTimeout, "\(settings.timeouts.worker)")
    if !settings.server.pidFile.isEmpty { tell(.pidFile, settings.server.pidFile) }
    tell(.logLevel, settings.log.level.rawValue)
    if let place = settings.log.errorPlace { tell(.errorLog, place) }
    if let place = settings.log.accessPlace { tell(.accessLog, place) }
    if !settings.control.socket.isEmpty { tell(.control, settings.control.socket) }
    if let address = settings.metrics.bind { tell(.metrics, "\(address)") }
    if let user { tell(.user, user.text) }
    tell(.workers, "\(CrewSize.configured(settings.server))")
    send(.configured)
    var inheritance = Inheritance()
    while true {
      switch channel.receive() {
      case .nothing:
        _ = Connections.wait(channel.raw, writing: false, deadline: Clock.monotonic() + SupervisorLine.patience)
      case .closed: throw StartFault("the supervisor is gone", .software)
      case .malformed: throw StartFault("the supervisor sends what is no message", .software)
      case .message(let kind, let text, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .listener:
          if let descriptor { inheritance.sockets.add(descriptor, text: String(decoding: text, as: UTF8.self)) }
        case .log:
          switch LogName(rawValue: String(decoding: text, as: UTF8.self)) {
          case .error?: inheritance.errorJournal = descriptor
          case .access?: inheritance.accessJournal = descriptor
          case nil: break
          }
        case .scale:
          inheritance.scale = MasterLimits.clamped(scale: Int(String(decoding: text, as: UTF8.self)) ?? 0)
        case .ticketKeys: inheritance.ticketKeys = TicketKeys(text: String(decoding: text, as: UTF8.self))
        case .begin: return inheritance
        case .drain, .stop: throw StartFault("told to leave while starting", .software)
        default: break
        }
      }
    }
  }

  private func tell(_ setting: MasterSetting, _ value: String) { send(.setting, "\(setting.rawValue)=\(value)") }

  /// What is done from now on, for the case that it takes too long.
  func step(_ text: String) { send(.step, text) }

  /// A listener that has been bound here, for the supervisor to keep.
  func offer(_ descriptor: CInt, name: String) { send(.listener, name, descriptor: descriptor) }

  /// How many workers there are beyond the configured number, for a supervisor that does not count for itself.
  func scaled(_ difference: Int) { tell(.scale, "\(difference)") }

  /// The workers show here what they do.
  func show(_ scoreboard: borrowing Scoreboard) {
    send(.scoreboard, "\(scoreboard.layout.byteCount)", descriptor: scoreboard.raw)
  }

  /// These listeners are served, once the generation is ready.
  func claim(_ claims: [ListenerClaim]) {
    for claim in claims { send(.claim, claim.text) }
  }

  /// What the supervisor shows of this generation to whoever asks.
  func describe(configuration: String) {
    let text = Array(configuration.utf8)
    // Without it nothing but that text is missing.
    guard text.count <= MasterLimits.configuration,
      let file = try? MemoryFile.make(name: "outrider-configuration", contents: text)
    else { return }
    send(.configuration, descriptor: file.raw)
  }

  /// All that decides something has been said. When this returns, the supervisor takes no descriptor from this process any
  /// more: anybody's code can run in it.
  ///
  /// - Returns: what the supervisor has said since `begin`.
  func seal() throws(StartFault) -> LateOrders {
    var late = LateOrders()
    send(.sealed)
    // A supervisor of a version without that does not answer.
    guard channel.pipeRaw != nil else { return late }
    let deadline = Clock.monotonic() &+ SupervisorLine.patience
    while true {
      switch channel.receive() {
      case .nothing:
        guard Connections.wait(channel.raw, writing: false, deadline: deadline) else {
          throw StartFault("the supervisor does not answer", .software)
        }
      case .closed: throw StartFault("the supervisor is gone", .software)
      case .malformed: throw StartFault("the supervisor sends what is no message", .software)
      case .message(let kind, let text, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .sealed:
          channel.seal()
          return late
        case .scale: late.scale += MasterLimits.clamped(scale: Int(String(decoding: text, as: UTF8.self)) ?? 0)
        case .log:
          switch LogName(rawValue: String(decoding: text, as: UTF8.self)) {
          case .error?: late.errorLog = descriptor
          case .access?: late.accessLog = descriptor
          case nil: break
          }
        case .drain, .stop: throw StartFault("told to leave while starting", .software)
        default: break
        }
      }
    }
  }

  /// A worker has come, is ready, leaves or has gone.
  func tell(of worker: WorkerNotice) { send(.worker, worker.text) }

  /// What has been loaded, likewise.
  func describe(_ plugins: [PluginNotice]) {
    for plugin in plugins { send(.plugin, plugin.text) }
  }

  /// The keys of session tickets, for the next master.
  func keep(_ keys: TicketKeys) { send(.ticketKeys, keys.text) }

  /// The generation serves.
  func ready() { send(.ready) }

  /// The generation can't start; the text is on stderr already.
  package func failed(_ text: String) { send(.failed, text) }

  /// Somebody but the supervisor has told this master to finish.
  func leaving() { send(.leaving) }

  /// Sends, waiting for room. What the supervisor does not take any more has nobody to matter to.
  private func send(_ kind: MasterMessage, _ text: String = "", descriptor: CInt = -1) {
    let deadline = Clock.monotonic() + SupervisorLine.patience
    while !channel.send(kind: kind.rawValue, text: Array(text.utf8), descriptor: descriptor) {
      if Connections.peerHasLeft(channel.socketRaw) { return }
      guard Connections.wait(channel.outgoing, writing: true, deadline: deadline) else { return }
    }
  }
}

/// What a generation gets from those before it.
struct Inheritance: ~Copyable {
  var sockets = StoredSockets()
  /// Streams of the journal, for the logs that are to be there; nil if there is none.
  var errorJournal: FileDescriptor?
  var accessJournal: FileDescriptor?
  /// So many workers more or fewer than configured.
  var scale = 0
  /// Those of session tickets; nil if there were none.
  var ticketKeys: TicketKeys?
}

/// What the supervisor asks of every generation, and has asked of this one while it started.
struct LateOrders: ~Copyable {
  /// So many workers more or fewer.
  var scale = 0
  /// Log files that were opened anew.
  var errorLog: FileDescriptor?
  var accessLog: FileDescriptor?
}
