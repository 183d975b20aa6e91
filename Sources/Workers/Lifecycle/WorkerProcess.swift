import Configuration
import HTTP
import IPC
import Logging
import Platform
import PluginHost
import TLS

/// A worker process from fork to exit.
package struct WorkerProcess: Sendable {
  package struct Socket: Sendable {
    package let fd: CInt
    package let address: SocketAddress
    /// nil for cleartext.
    package let tls: TLSContext?

    package init(fd: CInt, address: SocketAddress, tls: TLSContext? = nil) {
      self.fd = fd
      self.address = address
      self.tls = tls
    }

    /// The same socket, with TLS on its connections.
    package func secured(by tls: TLSContext?) -> Socket { Socket(fd: fd, address: address, tls: tls) }
  }

  private let settings: Settings
  private let plugins: PluginSet
  private let sockets: [Socket]
  private let workerIndex: Int
  private let workers: Int
  private let channel: Channel
  private let shutdownPipe: CInt?
  private let slot: ScoreboardSlot
  private let store: CInt?
  private let accessLog: CInt?
  private let accessLogRegion: AccessLogRegion?
  private let logTruncations: LogTruncations
  private let pausedPlugins: PausedPlugins

  /// - Parameters:
  ///   - plugins: those of the master are loaded, those of the worker are not yet.
  ///   - sockets: the listeners, in the order of the settings.
  ///   - workerIndex: its index among the generation's workers; a replacement has the same.
  ///   - workers: the number of the generation's workers.
  ///   - channel: the connection to the master.
  ///   - shutdownPipe: the workers' end of a `ShutdownPipe`; nil if the supervisor's version has none.
  ///   - slot: where it publishes its state.
  ///   - store: a descriptor of the shared store, owned by the worker; nil for none.
  ///   - accessLog: a descriptor of the access log, owned by the worker; nil for none.
  ///   - accessLogRegion: where lines are gathered.
  ///   - logTruncations: truncations of that log, by any worker.
  ///   - pausedPlugins: the plugins that are paused when the worker starts.
  package init(
    settings: Settings, plugins: PluginSet, sockets: [Socket], workerIndex: Int, workers: Int, channel: Channel,
    shutdownPipe: CInt?, slot: ScoreboardSlot, store: CInt?, accessLog: CInt?, accessLogRegion: AccessLogRegion?,
    logTruncations: LogTruncations,
    pausedPlugins: PausedPlugins
  ) {
    self.settings = settings
    self.plugins = plugins
    self.sockets = sockets
    self.workerIndex = workerIndex
    self.workers = workers
    self.channel = channel
    self.shutdownPipe = shutdownPipe
    self.slot = slot
    self.store = store
    self.accessLog = accessLog
    self.accessLogRegion = accessLogRegion
    self.logTruncations = logTruncations
    self.pausedPlugins = pausedPlugins
  }

  /// Serves until told to exit, then ends the process.
  ///
  /// The worker, and every plugin in it, runs on a thread that is created here. Runtimes such as Swift's remember
  /// thread IDs, and the forked thread has the ID that it had in the master. The first thread waits, and receives the
  /// signals sent to the process.
  package func run(role: String, level: Logger.Level) -> Never {
    let end = WorkerExit()
    ServerField.use(settings.http.serverHeader)
    do throws(Errno) {
      try slot.crash.install()
      if settings.server.coreDumps { Process.allowCoreDumps() }
      let thread = try Thread.start("outrider-loop") { self.run(role: role, level: level, end) }
      thread.join()
    } catch {
      ErrorLog.logger(role: role, level: level).critical("\(error)")
      Process.exit(.osError)
    }
    guard end.isOrderly else { Process.exit(end.code) }
    Process.exitRunningHandlers(end.code, within: WorkerExit.finalizersTime)
  }

  private func run(role: String, level: Logger.Level, _ end: WorkerExit) {
    slot.thread(0).thread = UInt64(Thread.id)
    CrashRecord.registerThread()
    let log = ErrorLog.logger(role: role, level: level)
    let settings = WorkerSettings(self.settings)
    var plugins = plugins
    do throws(Errno) {
      // Host functions that a plugin calls while it loads use the worker's log.
      let runtime = try Runtime.install(
        exchanges: settings.requests, slot: slot, role: role, level: level,
        abortsOnMisuse: self.settings.debug.abiChecks)
      unsafe runtime.record.notes = { unsafe Request(raw: $0).notesAddress }
      runtime.record.store = try mapStore()
      runtime.record.webSocket = settings.webSocket
      do throws(PluginSetError) {
        try plugins.load(in: .worker, purpose: .serve, willRun: { slot.thread(0).hook = $0 })
        slot.thread(0).hook = nil
      } catch {
        channel.send(WorkerMessage.startFailed, KeyedFields("reason", text: "\(error)"))
        end.code = .configuration
        return
      }
      try makeWorker(settings, runtime, plugins.loaded, log).serve(workerIndex: workerIndex, of: workers, end)
    } catch {
      log.critical("\(error)")
      end.code = .osError
    }
  }

  private func makeWorker(
    _ settings: WorkerSettings, _ runtime: Runtime, _ plugins: [Plugin], _ log: Logger
  ) throws(Errno) -> Worker {
    let server = self.settings.server
    let accessLog = makeAccessLog()
    let thread = WorkerThread.install(cells: slot.thread(0), plugins: plugins.count)
    unsafe runtime.record.loopThread = UnsafeMutableRawPointer(thread.address)
    let listeners = sockets.map { socket in
      Listener(
        fd: socket.fd, isUnix: socket.address.host.isEmpty,
        serverAddress: Bytes(permanent: socket.address.host), serverPort: socket.address.port)
    }
    let now = Clock.monotonic()
    let worker = Worker.install(
      WorkerRecord(
        settings: settings, sinks: Sinks(settings), runtime: runtime, thread: thread, plugins: plugins,
        router: Router(plugins), pausedPlugins: pausedPlugins, log: log, accessLog: accessLog,
        epoll: try Epoll(capacity: 256), timer: try TimerDescriptor(), channel: channel,
        shutdownPipe: shutdownPipe ?? -1,
        acceptor: Acceptor(listeners, isShared: server.workers != .fixed(1)), tls: sockets.map(\.tls),
        table: ConnectionTable(capacity: settings.connections, lingering: settings.lingering),
        requests: RequestPool(
          capacity: settings.requests, limits: settings.limits, underscores: settings.underscores),
        wheel: DeadlineWheel(now: now), clock: LoopClock(now: now, heartbeat: settings.timeouts.worker / 4),
        recycling: Recycling(lifetime: WorkerSettings.lifetime(server)),
        draining: Draining(timeout: server.gracefulTimeout, cutWake: try WakeDescriptor()),
        spools: Spools(limit: settings.spool, workerLimit: settings.workerSpool, log: log), slot: slot))
    try worker.registerSources()
    runtime.record.loop = worker.loopControl
    return worker
  }

  /// Maps the store that workers share. The mapping needs no descriptor.
  private func mapStore() throws(Errno) -> SharedStore? {
    guard let store else { return nil }
    defer { ConnectedSocket.close(store) }
    return try SharedStore(store)
  }

  private func makeAccessLog() -> AccessLog? {
    guard let raw = accessLog, let region = accessLogRegion else { return nil }
    return AccessLog(
      AccessLinePlan(settings.log.accessFormat), LogSink(FileDescriptor(owning: raw)), logTruncations, slot, region)
  }
}
