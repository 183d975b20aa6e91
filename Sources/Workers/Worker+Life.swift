import Configuration
import HTTP
import Platform
import PluginHost
import TLS

// A worker's life: the plugins' hooks, serving, draining, the end.

extension Worker {
  /// Everything between the plugins' first and last hook.
  func serve(workerIndex: Int, _ end: WorkerEnd) {
    do throws(LoadFault) {
      try startPlugins(workerIndex)
      guard try startPool() else {
        end.code = .osError
        return
      }
    } catch {
      record.channel.send(kind: WorkerProcess.Message.refused.rawValue, text: Array("\(error)".utf8))
      end.code = .configuration
      return
    }
    // Until here SIGTERM has its default: a worker without clients, whose master is gone, has nothing to finish.
    Signals.onTerminate(
      wake: record.runtime.record.wake.raw,
      killAfterSeconds: UInt32(clamping: record.gracefulTimeout / Clock.nanosecondsPerSecond + 5))
    updateClock()  // its first sign of life: from now on it is missed when there is no other
    record.slot.state = .ready
    let watch = record.settings.model.isSync ? HandlerWatch.start() : nil
    record.channel.send(kind: WorkerProcess.Message.ready.rawValue)
    run()
    watch?.end()
    // Its loop turns no more: what the hooks take from here on has a deadline of its own.
    record.thread.record.cells?.busySince = 0
    if record.drain == .stopping { cutRequests(.serverStopped) }
    end.isOrderly = endThreads()
    closeAll()
    while let call = record.runtime.record.callbacks.takeAny() { call.perform() }
    stopPlugins()
    record.accessLog?.end(Clock.monotonic())
    // Something is left behind, and whoever watches the server is to know.
    end.code = end.isOrderly || record.drain == .stopping ? .ok : .software
  }

  /// The plugins' last hooks, but for those that a handler is in.
  private func stopPlugins() {
    let deadline = record.drain == .stopping ? 0 : record.drainDeadline
    let atWork = pluginsAtWork
    for plugin in record.plugins where atWork.contains(plugin.record.number) {
      record.log.error(
        "plugin \(plugin.record.nameText): handle() has not returned, so that worker_stop is not called")
    }
    var busy = Set(atWork)
    // A thread may be on its way out of one of which nothing is known.
    if record.pool?.threadCount ?? 0 > atWork.count { busy.formUnion(blockingPlugins.map(\.record.number)) }
    for plugin in record.plugins where !busy.contains(plugin.record.number) { plugin.stopWorker(deadline: deadline) }
    for plugin in record.plugins where plugin.record.isWorkersOwn && !busy.contains(plugin.record.number) {
      plugin.unload()
    }
  }

  private func startPlugins(_ workerIndex: Int) throws(LoadFault) {
    for plugin in record.plugins {
      try plugin.startWorker(model: record.settings.model.abi, threads: handlerThreads, worker: workerIndex)
    }
  }

  /// The plugins whose requests go to handle() under this model.
  private var blockingPlugins: [Plugin] {
    record.plugins.filter {
      $0.record.hasBlockingStyle && (!record.settings.model.isAsync || !$0.record.hasEventStyle)
    }
  }

  /// More threads than that have nothing to do where no plugin is thread-safe: each of those runs on one at a time.
  private var handlerThreads: Int {
    guard !record.settings.model.isSync else { return 1 }
    let plugins = blockingPlugins
    let isAnySafe = plugins.isEmpty || plugins.contains { $0.record.isThreadSafe }
    return isAnySafe ? record.settings.threads : min(record.settings.threads, plugins.count)
  }

  /// Threads are ready when the plugins' hooks have run on each of them; false if the system has no more.
  private func startPool() throws(LoadFault) -> Bool {
    let plugins = blockingPlugins
    guard !plugins.isEmpty else { return true }
    if record.settings.model.isSync {
      for plugin in plugins { try plugin.startThread() }
      return true
    }
    if record.settings.threads > 1 {
      for plugin in plugins where !plugin.record.isThreadSafe {
        record.log.warning(
          "plugin \(plugin.record.nameText) is not thread-safe: its handler runs on one thread at a time")
      }
    }
    let pool = ThreadPool(record.plugins) { Worker.runQueued($0, $1, $2) }
    do throws(ThreadPool.StartFault) {
      try pool.start(handlerThreads, plugins: plugins, slot: record.slot)
    } catch {
      switch error {
      case .plugin(let fault): throw fault
      case .system(let error):
        record.log.critical("\(error)")
        return false
      }
    }
    record.slot.poolThreads = handlerThreads
    record.pool = pool
    return true
  }

  /// - Returns: false if a handler has not returned, whose thread is not waited for any longer.
  private func endThreads() -> Bool {
    if record.drain == .stopping || record.table.count > 0 {
      record.table.visit { connection in
        connection.record.http2?.visit { request in
          dismissHandler(of: request)
        }
        guard let request = connection.record.request else { return }
        if connection.record.phase != .lent { return dismissHandler(of: request) }
        request.record.exchange?.cancel(.cancelled)
        // A thread that owns the connection waits on the socket.
        Connections.shutdown(connection.record.fd)
      }
    }
    if record.settings.model.isSync { for plugin in blockingPlugins { plugin.stopThread() } }
    return record.pool?.stop(until: threadsDeadline) ?? true
  }

  /// No call of the request's handler waits any longer: what the loop has of its answer, a file too, is not sent.
  private func dismissHandler(of request: Request) {
    guard let exchange = request.record.exchange, exchange.record.isBlocking else { return }
    exchange.cancel(.cancelled)
    request.record.lane.close()
    discardOutput(request)
  }

  /// Connections that outlived the drain: their exchanges are told, and they close. What a handler has not given back stays,
  /// and is counted all the same.
  private func closeAll() {
    record.table.visit { connection in
      // A thread that has it still may be sending.
      if connection.record.phase == .lent, let request = connection.record.request, isHandled(request) { return }
      tellUnsent(connection)
      abandon(connection, .cancelled)
    }
    record.table.visit { connection in
      connection.record.http2?.visit { endUnreturned($0) }
      if let request = connection.record.request { endUnreturned(request) }
    }
  }

  private func endUnreturned(_ request: Request) {
    guard !request.record.isAccounted else { return }
    if !request.isWhole {
      if !request.record.isRefused { note(record.drain == .stopping ? .serverStopped : .gracefulTimeout, request) }
      if request.record.outcome == .complete { request.record.outcome = .cancelled }
    }
    account(request)
  }

  /// That of each request which a handler has.
  private var pluginsAtWork: [Int] {
    var plugins: [Int] = []
    record.table.visit { connection in
      connection.record.http2?.visit { if isHandled($0) { plugins.append($0.record.plugin) } }
      if let request = connection.record.request, isHandled(request) { plugins.append(request.record.plugin) }
    }
    return plugins
  }

  // MARK: The master's word

  /// [any-thread]
  var isDraining: Bool { record.isDraining.load(ordering: .relaxed) }

  @inline(never)
  func readChannel() {
    while true {
      switch record.channel.receive() {
      case .nothing: return
      case .malformed: break
      case .closed:
        // The master is gone: finish what there is, and leave.
        beginDrain()
        record.epoll.remove(record.channel.raw)
        return
      case .message(let kind, let text, let descriptor):
        switch WorkerProcess.Message(rawValue: kind) {
        case .ticketKeys: TicketKeys(text: String(decoding: text, as: UTF8.self))?.install()
        case .pause: record.pauses.take(text: String(decoding: text, as: UTF8.self))
        case .drain: beginDrain()
        case .log:
          if let descriptor { reopen(LogName(rawValue: String(decoding: text, as: UTF8.self)), descriptor) }
        case .orphaned:
          beginDrain()
          hurryIdleConnections()
        case .stop:
          record.drain = .stopping
          record.slot.state = .stopping
        default: break
        }
      }
    }
  }

  private func reopen(_ name: LogName?, _ descriptor: borrowing FileDescriptor) {
    switch name {
    case .error?: LogFile.makeErrorLog(descriptor)
    case .access?: record.accessLog?.reopen(descriptor, record.now)
    case nil: break
    }
  }

  /// Enough served: the master replaces this worker, which serves until the replacement is ready.
  func askForRelief() {
    record.lifetime = .max
    record.channel.send(kind: WorkerProcess.Message.worn.rawValue)
  }

  /// Finish, and leave.
  func beginDrain() {
    guard record.drain == .serving else { return }
    record.drain = .draining
    record.slot.state = .draining
    record.isDraining.store(true, ordering: .relaxed)
    setDrainDeadlines()
    record.table.visit { recall($0) }
    closeListeners()
  }

  /// Idle connections get a last chance of less than a second.
  private func hurryIdleConnections() {
    let moment = record.now &+ 800 * Clock.nanosecondsPerMillisecond
    record.table.visit { connection in
      // A thread may have given its request back without a word: the connection does not look idle before that is seen.
      if connection.record.phase == .exchange && connection.record.loan.isReturned { pump(connection) }
      if connection.record.phase == .idle && connection.record.deadline > moment { setDeadline(connection, moment) }
    }
  }

  /// Nothing is left to do, or no time to do it.
  var isFinished: Bool {
    switch record.drain {
    case .serving: false
    case .draining: record.table.count == 0 && !hasLastClients || record.now >= lastRequestsDeadline
    case .stopping: true
    }
  }

  // MARK: Dates

  /// [request-thread] A thread's own Date, for an answer of its own.
  func refreshThreadDate() { WorkerThread.withCurrent { $0.record.date.update(Clock.epochSeconds()) } }
}
