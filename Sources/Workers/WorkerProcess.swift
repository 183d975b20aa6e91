import Configuration
import HTTP
import Logging
import Platform
import PluginHost
import TLS

/// What a worker process does between fork and exit.
package struct WorkerProcess: Sendable {
  /// The kinds of messages between a master and its workers.
  package enum Message: UInt8 {
    /// Worker to master: it serves.
    case ready = 1
    /// Worker to master: a plugin does not load, or its worker_start has refused; the text says why.
    case refused = 2
    /// Worker to master: it has served `server.max_requests`, and is to be relieved.
    case worn = 5
    /// Master to worker: finish and leave.
    case drain = 3
    /// Master to worker: leave now.
    case stop = 4
    /// Master to worker: the supervisor is gone; as `drain`, and idle connections are not waited for.
    case orphaned = 6
    /// Master to worker: the keys of session tickets from now on.
    case ticketKeys = 7
    /// Master to worker: a log that has been opened anew, as a descriptor; the text is its `LogName`.
    case log = 8
    /// Master to worker: a plugin is paused; the text is `PluginPauses.text`.
    case pause = 9
  }

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

    /// The same socket with TLS on its connections.
    package func secured(by tls: TLSContext?) -> Socket { Socket(fd: fd, address: address, tls: tls) }
  }

  private let settings: Settings
  private let plugins: PluginSet
  private let sockets: [Socket]
  private let index: Int
  private let channel: Channel
  private let slot: ScoreboardSlot
  private let accessLog: CInt?
  private let accessLogRegion: AccessLogRegion?
  private let logCuts: LogCuts
  private let pauses: PluginPauses

  /// - Parameters:
  ///   - plugins: the master's are loaded; the worker's own are not, yet.
  ///   - sockets: the listeners, in the order of the settings'.
  ///   - index: the worker's place among its fellows.
  ///   - channel: the line to the master.
  ///   - slot: where it shows what it does.
  ///   - accessLog: where the lines of requests go, as a descriptor that is the worker's; nil for nowhere.
  ///   - accessLogRegion: where those are gathered.
  ///   - logCuts: of that log, by any of the workers.
  ///   - pauses: which plugins are paused as it starts.
  package init(
    settings: Settings, plugins: PluginSet, sockets: [Socket], index: Int, channel: Channel,
    slot: ScoreboardSlot, accessLog: CInt?, accessLogRegion: AccessLogRegion?, logCuts: LogCuts,
    pauses: PluginPauses
  ) {
    self.settings = settings
    self.plugins = plugins
    self.sockets = sockets
    self.index = index
    self.channel = channel
    self.slot = slot
    self.accessLog = accessLog
    self.accessLogRegion = accessLogRegion
    self.logCuts = logCuts
    self.pauses = pauses
  }

  /// Serves until told to leave, and ends the process.
  ///
  /// All of it runs on a thread that is made here, and so does every plugin: runtimes such as Swift's remember the number
  /// of a thread, and the one that was forked has the number that it had in the master. The first thread waits, and takes
  /// the signals that are sent to the process.
  package func run(role: String, level: Logger.Level) -> Never {
    let end = WorkerEnd()
    do throws(Errno) {
      try slot.crash.install()
      if settings.server.coreDumps { Process.allowCoreDumps() }
      let thread = try Thread.start { self.run(role: role, level: level, end) }
      thread.join()
    } catch {
      ErrorLog.logger(role: role, level: level).critical("\(error)")
      Process.leave(.osError)
    }
    guard end.isOrderly else { Process.leave(end.code) }
    Process.finish(end.code, within: WorkerEnd.finalizersTime)
  }

  private func run(role: String, level: Logger.Level, _ end: WorkerEnd) {
    slot.thread(0).thread = UInt64(Thread.id)
    CrashRecord.joinThread()
    let log = ErrorLog.logger(role: role, level: level)
    let index = index
    let settings = WorkerSettings(self.settings)
    var plugins = plugins
    do throws(Errno) {
      // What a plugin calls in its load finds the worker's log.
      let runtime = try Runtime.install(
        exchanges: settings.requests, slot: slot, role: role, level: level,
        abortsOnMisuse: self.settings.debug.abiChecks)
      do throws(PluginFaults) {
        try plugins.load(in: .worker, purpose: .serve)
      } catch {
        channel.send(kind: Message.refused.rawValue, text: Array("\(error)".utf8))
        end.code = .configuration
        return
      }
      try makeWorker(settings, runtime, plugins.loaded, log).serve(workerIndex: index, end)
    } catch {
      log.critical("\(error)")
      end.code = .osError
    }
  }

  private func makeWorker(
    _ settings: WorkerSettings, _ runtime: Runtime, _ plugins: [Plugin], _ log: Logger
  ) throws(Errno) -> Worker {
    let server = self.settings.server
    let gracefulTimeout = server.gracefulTimeout
    // The slot counts on from the worker before.
    let sum = slot.count(.requests).addingReportingOverflow(WorkerSettings.lifetime(server))
    let lifetime = sum.overflow ? UInt64.max : sum.partialValue
    let accessLog = makeAccessLog()
    let thread = WorkerThread.install(cells: slot.thread(0))
    unsafe runtime.record.loopThread = UnsafeMutableRawPointer(thread.address)
    let listeners = sockets.map { socket in
      Listener(
        fd: socket.fd, isUnix: socket.address.host.isEmpty, isSecure: socket.tls != nil,
        serverAddress: Bytes(permanent: socket.address.host), serverPort: socket.address.port)
    }
    let now = Clock.monotonic()
    let worker = Worker.install(
      WorkerRecord(
        settings: settings, transports: Transports(settings), runtime: runtime, thread: thread, plugins: plugins,
        router: Router(plugins), pauses: pauses, log: log, accessLog: accessLog,
        epoll: try Epoll(capacity: 256), timer: try TimerDescriptor(), channel: channel,
        listeners: listeners, tls: sockets.map(\.tls), sharesListeners: server.workers != .fixed(1),
        table: ConnectionTable(capacity: settings.connections),
        requests: RequestPool(
          capacity: settings.requests, limits: settings.limits, underscores: settings.underscores),
        wheel: DeadlineWheel(now: now), now: now, cutBell: try WakeDescriptor(), gracefulTimeout: gracefulTimeout,
        slot: slot,
        lifetime: lifetime, heartbeatDue: settings.timeouts.worker == 0 ? .max : now))
    try worker.registerSources()
    return worker
  }

  private func makeAccessLog() -> AccessLog? {
    guard let raw = accessLog, let region = accessLogRegion else { return nil }
    return AccessLog(
      AccessLinePlan(settings.log.accessFormat), LogSink(FileDescriptor(owning: raw)), logCuts, slot, region)
  }
}
