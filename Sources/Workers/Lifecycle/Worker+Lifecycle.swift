import Configuration
import Glibc
import HTTP
import IPC
import Platform
import PluginHost
import TLS

// The life of a worker: the plugins' hooks, serving, draining, exit.

extension Worker {
  /// Runs the worker from the plugins' first hook to their last.
  func serve(workerIndex: Int, of workers: Int, _ end: WorkerExit) {
    do throws(PluginLoadError) {
      try startPlugins(workerIndex, of: workers)
      guard try startPool() else {
        end.code = .osError
        return
      }
    } catch {
      record.channel.send(WorkerMessage.startFailed, KeyedFields("reason", text: "\(error)"))
      end.code = .configuration
      return
    }
    // Until here SIGTERM has its default action: a worker without clients whose master is gone has nothing to finish.
    Signals.onTerminate(
      wake: record.runtime.record.wake.raw,
      killAfterSeconds: UInt32(clamping: record.draining.timeout / Clock.nanosecondsPerSecond + 5),
      shutdownPipe: record.shutdownPipe)
    updateClock()  // the first heartbeat, from which on the master expects more
    record.slot.state = .ready
    let watch = record.settings.runsHandlersInPlace ? HandlerWatch.start(self) : nil
    record.channel.send(WorkerMessage.ready)
    raiseDescriptorLimit()
    let isLoopAbandoned = !runLoop()
    watch?.end()
    // The loop has ended. The hooks that follow have a deadline of their own.
    record.thread.record.cells?.busySince = 0
    if record.draining.stage == .stopping { cutRequests(.serverStopped) }
    end.isOrderly = endThreads()
    closeAll()
    while let call = record.runtime.record.watches.takeAny() { call.perform() }
    while let call = record.runtime.record.callbacks.takeAny() { call.perform() }
    record.runtime.performWakes(record.plugins)
    stopPlugins()
    record.accessLog?.end(Clock.monotonic())
    // The exit status shows that a handler or the loop was abandoned.
    end.code = end.isOrderly && !isLoopAbandoned || record.draining.stage == .stopping ? .ok : .software
    if warnOfLostCode() { end.isOrderly = false }
  }

  /// Runs the plugins' last hooks, except for plugins that are inside a handler.
  private func stopPlugins() {
    let deadline = record.draining.stage == .stopping ? 0 : record.draining.deadline
    let atWork = pluginsAtWork
    for plugin in record.plugins where atWork.contains(plugin.record.number) {
      record.log.error(
        "plugin \(plugin.record.nameText): handle() has not returned, so that worker_stop is not called")
    }
    var busy = Set(atWork)
    // If more threads than known handlers remain, any plugin with a handler may still be in use.
    if record.pool?.threadCount ?? 0 > atWork.count { busy.formUnion(blockingPlugins.map { $0.record.number }) }
    for plugin in record.plugins where !busy.contains(plugin.record.number) { plugin.stopWorker(deadline: deadline) }
    for plugin in record.plugins where plugin.record.isPerWorker && !busy.contains(plugin.record.number) {
      plugin.unload()
    }
  }

  /// Whether destructors of a plugin would crash the process, because its file has changed. Flushes stdio in that case.
  private func warnOfLostCode() -> Bool {
    let lost = record.plugins.filter { $0.isFileModified }
    if lost.isEmpty { return false }
    for plugin in lost { record.log.warning("\(plugin.modifiedFileWarning)") }
    fflush(nil)
    return true
  }

  private func startPlugins(_ workerIndex: Int, of workers: Int) throws(PluginLoadError) {
    let cells = record.slot.thread(0)
    defer { cells.hook = nil }
    for plugin in record.plugins {
      cells.hook = RunningHook(plugin: plugin.record.number, .workerStart)
      try plugin.startWorker(
        WorkerFacts(
          model: record.settings.model.abi, threads: handlerThreads, worker: workerIndex, workers: workers,
          gracefulTimeout: record.draining.timeout, outputLimit: record.settings.outputLimit))
    }
  }

  /// The plugins whose requests go to handle() under this model.
  private var blockingPlugins: [Plugin] {
    record.plugins.filter { record.sinks.callsHandler(of: $0) }
  }

  /// The number of threads. If no plugin is thread-safe, each uses one thread at a time, so more than one thread for
  /// each plugin would be idle.
  private var handlerThreads: Int {
    guard !record.settings.runsHandlersInPlace else { return 1 }
    let plugins = blockingPlugins
    let isAnySafe = plugins.isEmpty || plugins.contains { $0.record.isThreadSafe }
    return isAnySafe ? record.settings.threads : min(record.settings.threads, plugins.count)
  }

  /// Starts the pool and waits until the plugins' hooks have run on each thread; false if the system has no thread
  /// left.
  private func startPool() throws(PluginLoadError) -> Bool {
    let plugins = blockingPlugins
    guard !plugins.isEmpty else { return true }
    if record.settings.runsHandlersInPlace {
      let cells = record.slot.thread(0)
      defer { cells.hook = nil }
      for plugin in plugins {
        cells.hook = RunningHook(plugin: plugin.record.number, .threadStart)
        unsafe record.thread[plugin] = try plugin.startThread(0, of: 1)
      }
      return true
    }
    if record.settings.threads > 1 {
      for plugin in plugins where !plugin.record.isThreadSafe {
        record.log.warning(
          "plugin \(plugin.record.nameText) is not thread-safe: its handler runs on one thread at a time")
      }
    }
    let pool = ThreadPool(record.plugins) { HandlerThread.run($0, $1, $2) }
    do throws(ThreadPool.ThreadStartError) {
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

  /// - Returns: false if a handler has not returned and its thread is abandoned.
  private func endThreads() -> Bool {
    if record.draining.stage == .stopping || record.table.count > 0 {
      record.table.visit { connection in
        connection.record.http2?.visit { HTTP2Channel(self, $0).abortHandler() }
        guard let channel = HTTP1Connection(self, connection).channel else { return }
        if connection.record.phase != .ownedByThread { return channel.abortHandler() }
        channel.request.record.exchange?.cancel(.cancelled)
        // A thread that owns the connection waits on the socket, which this wakes.
        ConnectedSocket.shutdown(connection.record.fd)
      }
    }
    if record.settings.runsHandlersInPlace {
      for plugin in blockingPlugins { unsafe plugin.stopThread(record.thread[plugin]) }
    }
    return record.pool?.stop(until: record.draining.threadsDeadline(Clock.monotonic())) ?? true
  }

  /// Closes the connections that remain after the drain, and tells their exchanges. Requests that a handler has not
  /// returned are kept and counted.
  private func closeAll() {
    record.table.visit { connection in
      // The thread that owns the connection may be sending.
      if connection.record.phase == .ownedByThread, let request = connection.record.request, request.isHandled {
        return
      }
      logUnsent(connection)
      driver(connection).abort(.cancelled)
    }
    record.table.visit { connection in
      connection.record.http2?.visit { HTTP2Channel(self, $0).abortUnreturned() }
      HTTP1Connection(self, connection).channel?.abortUnreturned()
    }
  }

  /// The plugin of each request that a handler has.
  private var pluginsAtWork: [Int] {
    var plugins: [Int] = []
    record.table.visit { connection in
      connection.record.http2?.visit { if $0.isHandled { plugins.append($0.record.plugin) } }
      if let request = connection.record.request, request.isHandled { plugins.append(request.record.plugin) }
    }
    return plugins
  }

  // MARK: Messages of the master

  /// [any-thread]
  var isDraining: Bool { record.runtime.record.isDraining.load(ordering: .relaxed) }

  @inline(never)
  func readChannel() {
    while true {
      switch record.channel.receive() {
      case .nothing: return
      case .malformed: break
      case .closed:
        record.epoll.remove(record.channel.raw)
        // The master is gone. The supervisor tells this worker when others serve; until then nobody could replace it.
        if record.shutdownPipe >= 0 { record.recycling.stop() } else { beginDrain() }
        return
      case .message(let kind, let fields, let descriptor):
        switch WorkerMessage(rawValue: kind) {
        case .ticketKeys: fields["keys"].flatMap { TicketKeys(text: $0) }?.install()
        case .pause: if let pause = PluginPause(fields) { record.pausedPlugins.add(pause) }
        case .drain: beginDrain()
        case .log:
          if let descriptor, let name = LogName(fields) { reopen(name, descriptor) }
        case .orphaned:
          beginDrain()
          hurryIdleConnections()
        case .stop: stopNow()
        default: break
        }
      }
    }
  }

  /// Handles a command of the supervisor, which it gives when the master has died or can't.
  @inline(never)
  func handleSupervisorOrder() {
    switch ShutdownPipe.command(record.shutdownPipe) {
    case .drain: beginDrain()
    case .stop: stopNow()
    case .supervisorGone:
      beginDrain()
      hurryIdleConnections()
    case nil: break
    }
  }

  private func stopNow() {
    record.draining.stop()
    record.slot.state = .stopping
  }

  private func reopen(_ name: LogName, _ descriptor: borrowing FileDescriptor) {
    switch name {
    case .error: LogFile.makeErrorLog(descriptor)
    case .access: record.accessLog?.reopen(descriptor, record.clock.now)
    }
  }

  /// The worker has served enough requests. The master replaces it; it serves until the replacement is ready.
  func requestReplacement() {
    record.channel.send(WorkerMessage.replacementWanted)
  }

  /// Begins to drain: finishes the requests, then exits.
  func beginDrain() {
    guard record.draining.begin(record.clock.now, leaveBy: record.slot.exitDeadline, watched: record.handler.found)
    else {
      return
    }
    record.runtime.record.isDraining.store(true, ordering: .relaxed)
    record.slot.state = .draining
    record.table.visit { HTTP1Connection(self, $0).notifyOnReturn() }
    closeListeners()
  }

  /// Gives idle connections less than a second for another request.
  private func hurryIdleConnections() {
    let moment = record.clock.now &+ 800 * Clock.nanosecondsPerMillisecond
    record.table.visit { connection in
      // A thread may have returned the request without a wake-up. Such a connection does not look idle until that is
      // noticed.
      if connection.record.phase == .exchange && connection.record.handoff.isReturned {
        driver(connection).pumpOutlined()
      }
      if connection.record.phase == .idle && connection.record.deadline > moment {
        driver(connection).setDeadline(moment)
      }
    }
  }

  /// Nothing is left to do, or no time for it.
  var isFinished: Bool {
    record.draining.isOver(record.clock.now, isIdle: record.table.count == 0 && !record.acceptor.hasBacklogToDrain)
  }

  // MARK: Dates

  /// [request-thread] Updates the thread's own Date value, for a response that it sends.
  func refreshThreadDate() { WorkerThread.withCurrent { $0.record.date.update(Clock.epochSeconds()) } }
}

extension HTTPChannel {
  /// Makes all waiting calls of the request's handler return. The rest of the response, files included, is not sent.
  fileprivate func abortHandler() {
    guard let exchange = request.record.exchange, request.record.mode.isBlocking else { return }
    exchange.cancel(.cancelled)
    request.record.pipe.close()
    discardOutput()
  }

  /// Counts a request whose handler has not returned.
  fileprivate func abortUnreturned() {
    guard !request.record.isAccounted else { return }
    if !isWhole {
      if !request.record.isRefused { worker.note(worker.record.draining.refusal, request) }
      if request.record.outcome == .complete { request.record.outcome = .cancelled }
    }
    worker.account(request)
  }
}
