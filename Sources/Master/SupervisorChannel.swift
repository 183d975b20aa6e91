import Configuration
import IPC
import Platform
import TLS
import Workers

/// A master's channel to its supervisor, and the handshake at the start of the master.
package struct SupervisorChannel: Sendable {
  let channel: Channel
  /// The workers' end of a `ShutdownPipe`, for the life of the process; nil if the supervisor's version has none.
  let shutdownPipe: CInt?

  /// - Parameters:
  ///   - descriptor: the socket that the supervisor has made for this master.
  ///   - reports: the pipe that the master sends through once the channel is sealed; nil if the supervisor's version has none.
  ///   - shutdownPipe: the workers' end of the pipe; likewise.
  package init(
    owning descriptor: consuming FileDescriptor, reports: consuming FileDescriptor?, shutdownPipe: CInt?
  ) {
    self.shutdownPipe = shutdownPipe
    channel = Channel.lower(socket: descriptor, pipe: reports)
  }

  /// How long the supervisor may take to answer.
  private static let timeout = 5 * Clock.nanosecondsPerSecond

  /// Sends what the supervisor needs of the configuration, and receives its state from former generations.
  ///
  /// - Parameter user: the user that this process becomes later; nil if it stays the same.
  func handshake(_ configuration: Configuration, user: ServiceUser?) throws(StartError) -> HandoverState {
    let settings = configuration.settings
    try send(.bootTimeout, "\(settings.server.bootTimeout)")
    try send(.gracefulTimeout, "\(settings.server.gracefulTimeout)")
    try send(.restartBackoff, "\(settings.server.restartBackoff)")
    try send(.workerTimeout, "\(settings.timeouts.worker)")
    try send(.shutdownDelay, "\(settings.timeouts.shutdownDelay)")
    try send(.serverHeader, settings.http.serverHeader)
    if !settings.server.pidFile.isEmpty { try send(.pidFile, settings.server.pidFile) }
    try send(.logLevel, settings.log.level.rawValue)
    if let destination = settings.log.errorDestination { try send(.errorLog, destination) }
    if let destination = settings.log.accessDestination { try send(.accessLog, destination) }
    if !settings.control.socket.isEmpty { try send(.control, settings.control.socket) }
    if let address = settings.metrics.bind { try send(.metrics, "\(address)") }
    if let user { try send(.user, user.text) }
    if let size = settings.store.fileSize {
      try send(.storeSize, "\(size)")
      try send(.storeLayout, "\(StoreLayout.version)")
    }
    try send(.workers, "\(WorkerTableSize.configured(settings.server))")
    for path in configuration.watched { send(.watch, path.fields) }
    send(.configured)
    var handover = HandoverState()
    while true {
      switch channel.receive() {
      case .nothing:
        _ = ConnectedSocket.wait(channel.raw, writing: false, deadline: Clock.monotonic() + SupervisorChannel.timeout)
      case .closed: throw StartError("the supervisor is gone", .software)
      case .malformed: throw StartError(SupervisorChannel.notUnderstood, .software)
      case .message(let kind, let fields, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .listener:
          if let descriptor, let listener = PassedListener(fields) { handover.listeners.add(descriptor, listener) }
        case .log:
          switch LogName(fields) {
          case .error?: handover.errorJournal = descriptor
          case .access?: handover.accessJournal = descriptor
          case nil: break
          }
        case .store: handover.store = descriptor
        case .scale:
          handover.workerDelta = MasterLimits.clamped(workerDelta: fields.number("by") ?? 0)
        case .ticketKeys: handover.ticketKeys = fields["keys"].flatMap { TicketKeys(text: $0) }
        case .begin: return handover
        case .drain, .stop: throw StartError("told to leave while starting", .software)
        default: break
        }
      }
    }
  }

  /// The running supervisor may be of another version than the program on disk, which this process runs.
  private static let notUnderstood =
    "the supervisor sends what this version does not understand: to change to it, restart the service"

  private func send(_ parameter: MasterParameter, _ value: String) throws(StartError) {
    let fields = KeyedFields(parameter.rawValue, value)
    guard fields.bytes.count < Channel.capacity else {
      throw StartError("\(parameter.rawValue): \(value.utf8.count) bytes are too long", .configuration)
    }
    send(.setting, fields)
  }

  /// Reports the master's next step, which the supervisor names if it takes too long.
  func reportStep(_ text: String) { send(.step, KeyedFields("text", text: text)) }

  /// Passes a newly bound listener to the supervisor, which keeps it for later generations.
  func sendListener(_ descriptor: CInt, name: String) {
    send(.listener, PassedListener(name: name).fields, descriptor: descriptor)
  }

  func sendScoreboard(_ scoreboard: borrowing Scoreboard) {
    send(.scoreboard, KeyedFields("size", scoreboard.layout.byteCount), descriptor: scoreboard.raw)
  }

  /// Sends the listeners that the generation serves once it is ready.
  func sendListenerSpecs(_ specs: [ListenerSpec]) {
    for spec in specs { send(.claim, spec.fields) }
  }

  /// Sends the effective configuration, which the supervisor shows on the control socket.
  func sendConfiguration(_ configuration: String) {
    let text = Array(configuration.utf8)
    // If this fails, only that text is missing.
    guard text.count <= MasterLimits.configuration,
      let file = try? MemoryFile.make(name: "outrider-configuration", contents: text)
    else { return }
    send(.configuration, descriptor: file.raw)
  }

  /// Seals the channel. When this returns, the supervisor accepts no more descriptors from this process, so that plugin
  /// code may run in it.
  ///
  /// - Returns: what the supervisor has sent since `begin`.
  func seal() throws(StartError) -> PendingCommands {
    var pending = PendingCommands()
    send(.sealed)
    // A supervisor of an earlier version does not answer.
    guard channel.pipeRaw != nil else { return pending }
    let deadline = Clock.monotonic() &+ SupervisorChannel.timeout
    while true {
      switch channel.receive() {
      case .nothing:
        guard ConnectedSocket.wait(channel.raw, writing: false, deadline: deadline) else {
          throw StartError("the supervisor does not answer", .software)
        }
      case .closed: throw StartError("the supervisor is gone", .software)
      case .malformed: throw StartError(SupervisorChannel.notUnderstood, .software)
      case .message(let kind, let fields, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .sealed:
          channel.seal()
          return pending
        case .scale:
          pending.workerDelta += MasterLimits.clamped(workerDelta: fields.number("by") ?? 0)
        case .log:
          switch LogName(fields) {
          case .error?: pending.errorLog = descriptor
          case .access?: pending.accessLog = descriptor
          case nil: break
          }
        case .drain, .stop: throw StartError("told to leave while starting", .software)
        default: break
        }
      }
    }
  }

  func sendWorkerStatus(_ worker: WorkerStatus) { send(.worker, worker.fields) }

  /// Sends the loaded plugins, which the supervisor shows on the control socket.
  func sendPlugins(_ plugins: [PluginInfo]) {
    for plugin in plugins { send(.plugin, plugin.fields) }
  }

  func sendPause(_ pause: PluginPause) { send(.paused, pause.fields) }

  /// Sends the keys of TLS session tickets, for the next master.
  func sendTicketKeys(_ keys: TicketKeys) { send(.ticketKeys, KeyedFields("keys", keys.text)) }

  func sendReady() { send(.ready) }

  /// Sends the reason why the generation can't start; it has already been written to standard error.
  package func sendFailure(_ text: String) { send(.failed, KeyedFields("reason", text: text)) }

  /// Reports that another process has told this master to exit. It serves until the supervisor has another generation.
  func sendLeaving() { send(.leaving) }

  /// Sends, waiting for room. The message is dropped if the supervisor is gone.
  private func send(_ kind: MasterMessage, _ fields: KeyedFields = KeyedFields(), descriptor: CInt = -1) {
    let deadline = Clock.monotonic() + SupervisorChannel.timeout
    while !channel.send(kind, fields, descriptor: descriptor) {
      if ConnectedSocket.isPeerClosed(channel.socketRaw) { return }
      guard ConnectedSocket.wait(channel.outgoing, writing: true, deadline: deadline) else { return }
    }
  }
}

/// The state of former generations that the supervisor passes on.
struct HandoverState: ~Copyable {
  var listeners = InheritedListeners()
  /// Streams of the systemd journal for the logs that go there; nil for other destinations.
  var errorJournal: FileDescriptor?
  var accessJournal: FileDescriptor?
  /// The store that workers share; nil without one.
  var store: FileDescriptor?
  /// The number of workers in addition to the configured ones; may be negative.
  var workerDelta = 0
  /// Nil if there are none.
  var ticketKeys: TicketKeys?
}

/// Commands for all generations that the supervisor has sent while this one was starting.
struct PendingCommands: ~Copyable {
  /// The number of workers to add; negative to remove.
  var workerDelta = 0
  /// Reopened log files.
  var errorLog: FileDescriptor?
  var accessLog: FileDescriptor?
}
