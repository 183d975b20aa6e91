import COutrider
import Configuration
import Glibc
import HTTP
import IPC
import Platform
import PluginHost

@testable import Workers

/// A worker in this process, as it is in its own but for its loop, whose turns are taken here. There is one for all
/// inputs: between them no connection is open.
final class FuzzedWorker {
  let worker: Worker
  /// Where it listens: a name of Linux's, no file.
  private let name = Array("\0outrider-fuzz-\(getpid())".utf8)
  private let listener: FileDescriptor
  /// The master's end of its line, so that there is a master.
  private let master: Channel
  private let scoreboard: Scoreboard
  static let threads = 1

  /// - Parameter change: what is not as by default.
  init(_ change: (inout Settings) -> Void) throws {
    var settings = Settings.defaults
    settings.server.threads = FuzzedWorker.threads
    settings.server.workerConnections = 8
    // Real time must not matter: what is to be late is made so.
    settings.limits.minRate = 0
    // Nor the time after which what a client does not take goes to a file.
    settings.limits.spool = 0
    settings.listeners[0].bind = .unix(path: "/fuzz")
    settings.earlyHints.http1 = .on
    change(&settings)
    let plugins = [FuzzPlugin.event, FuzzPlugin.blocking]
    listener = try FuzzedWorker.listen(name)
    let channel = try Channel.pair(sealed: true)
    master = channel.upper
    scoreboard = try Scoreboard(
      ScoreboardLayout(
        slots: 1, plugins: plugins.count, threads: FuzzedWorker.threads, refusals: Refusal.allCases.count),
      names: ["event", "blocking"])
    let own = WorkerSettings(settings)
    let slot = scoreboard.slot(0)
    let runtime = try Runtime.install(
      exchanges: own.requests, slot: slot, role: "fuzz", level: .critical, abortsOnMisuse: false)
    let thread = WorkerThread.install(cells: slot.thread(0), plugins: plugins.count)
    unsafe runtime.record.loopThread = unsafe UnsafeMutableRawPointer(thread.address)
    let now = Clock.monotonic()
    worker = Worker.install(
      WorkerRecord(
        settings: own, sinks: Sinks(own), runtime: runtime, thread: thread, plugins: plugins,
        router: Router(plugins), pausedPlugins: PausedPlugins(ends: []),
        log: ErrorLog.logger(role: "fuzz", level: .critical),
        accessLog: nil, epoll: try Epoll(capacity: 256), timer: try TimerDescriptor(),
        channel: channel.lower,
        acceptor: Acceptor(
          [Listener(fd: listener.raw, isUnix: true, serverAddress: .empty, serverPort: 0)], isShared: false),
        tls: [nil], table: ConnectionTable(capacity: own.connections),
        requests: RequestPool(capacity: own.requests, limits: own.limits, underscores: own.underscores),
        wheel: DeadlineWheel(now: now), clock: LoopClock(now: now, heartbeat: 0), recycling: Recycling(lifetime: .max),
        draining: Draining(timeout: settings.server.gracefulTimeout, cutWake: try WakeDescriptor()),
        spools: Spools(limit: 0, workerLimit: 0, log: ErrorLog.logger(role: "fuzz", level: .critical)), slot: slot))
    try worker.registerSources()
    let pool = ThreadPool(plugins) { HandlerThread.run($0, $1, $2) }
    try pool.start(FuzzedWorker.threads, plugins: [plugins[1]], slot: slot)
    worker.record.pool = pool
    worker.updateClock()
  }

  // MARK: Its turns

  /// Takes turns until there is nothing more to do, for the loop and for the handlers' thread.
  func run() {
    var turns = 0
    var looks = 0
    while true {
      repeat {
        worker.updateAccepting()
        turns += 1
        require(turns < 500_000, "the worker never comes to rest")
      } while worker.takeTurn(waits: false) || isCallAwaited
      guard isHandlerAtWork else { return }
      // Most are done in no time, and nothing is said of that; others wake the loop.
      looks += 1
      if looks > 200 { awaitWord() }
    }
  }

  /// A timer is about to run: plugins here set none that take long.
  private var isCallAwaited: Bool { worker.record.runtime.record.callbacks.nextDeadline != .max }

  private func awaitWord() {
    var entry = pollfd(fd: worker.record.runtime.record.wake.raw, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&entry, 1, 1)
  }

  /// A handler runs and does not wait for its client, or it has returned, and the loop will be told.
  private var isHandlerAtWork: Bool {
    var (isAtWork, isBlocked) = (false, false)
    func look(_ request: Request) {
      guard let exchange = request.record.exchange, exchange.record.isBlocking, request.record.isHandedOff else {
        return
      }
      let pipe = request.record.pipe
      pipe.monitor.lock()
      defer { pipe.monitor.unlock() }
      if !pipe.handlerDone && waitsForClient(request, exchange, pipe) {
        isBlocked = true
      } else if !pipe.handlerDone || !request.record.connection.record.handoff.isReturnedSilently || request.isStream {
        isAtWork = true
      }
    }
    worker.record.table.visit { connection in
      if let request = connection.record.request { look(request) }
      connection.record.http2?.visit(look)
    }
    // There is one thread: where it waits, the others wait for it.
    return isAtWork && !isBlocked
  }

  /// With the pipe locked: its handler waits for bytes, or for room, that only the client can give.
  private func waitsForClient(_ request: Request, _ exchange: Exchange, _ pipe: ResponsePipe) -> Bool {
    if pipe.closed || exchange.cancelled != nil { return false }
    if pipe.readerWaits && pipe.body.count == 0 && !pipe.body.ended && pipe.body.failure == nil { return true }
    let present = pipe.output.count + pipe.loopCount
    return present > worker.record.settings.highWater
      || present > Request.streamShare && HTTP2Channel(worker, request).isCrowded
  }

  /// No connection is open, and nothing of any is left.
  func checkRest() {
    run()
    require(worker.record.table.count == 0, "\(worker.record.table.count) connections left")
    require(worker.record.slot.count(.queued) == worker.record.slot.count(.dequeued), "requests wait for a thread")
  }

  /// As when the master tells a worker to finish, but for the listeners.
  func drain() {
    worker.record.draining.stage = .draining
    worker.record.runtime.record.isDraining.store(true, ordering: .relaxed)
    worker.record.draining.deadline = .max
    worker.record.table.visit { HTTP1Connection(worker, $0).notifyOnReturn() }
  }

  func endDrain() {
    worker.record.draining.stage = .serving
    worker.record.runtime.record.isDraining.store(false, ordering: .relaxed)
  }

  /// So much time goes by that no connection waits any longer, before its side ends, for content that nobody reads.
  func endPauses() {
    worker.record.clock.now &+= 300 * Clock.nanosecondsPerMillisecond
    worker.record.table.visit { connection in
      guard connection.record.phase == .lingering, connection.record.rest > 0 else { return }
      connection.record.deadline = worker.record.clock.now
      worker.driver(connection).expire()
    }
  }

  /// An hour goes by in which nothing is heard of anybody.
  func passTime() {
    worker.record.clock.now &+= 3600 * Clock.nanosecondsPerSecond
    worker.record.table.visit { connection in
      connection.record.deadline = worker.record.clock.now
      connection.record.http2?.visit { request in
        if request.record.stream.deadline != .max { request.record.stream.deadline = worker.record.clock.now }
      }
      worker.driver(connection).expire()
    }
    run()
  }

  // MARK: Clients

  private static func address(_ name: [UInt8]) -> (sockaddr_un, socklen_t) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
    return (address, socklen_t(MemoryLayout<sa_family_t>.size + name.count))
  }

  private static func listen(_ name: [UInt8]) throws(Errno) -> FileDescriptor {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard raw >= 0 else { throw .last("socket") }
    let descriptor = FileDescriptor(owning: raw)
    var (address, size) = address(name)
    let bound = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(raw, $0, size) }
    }
    guard bound == 0, Glibc.listen(raw, 8) == 0 else { throw .last("bind") }
    return descriptor
  }

  /// A client's socket, connected and accepted.
  ///
  /// - Parameter capacity: about how many bytes of answers the kernel takes; 0 for as many as it does.
  func connect(capacity: CInt = 0) -> CInt {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    require(raw >= 0, "no socket")
    var (address, size) = FuzzedWorker.address(name)
    let connected = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(raw, $0, size) }
    }
    require(connected == 0, "not connected: \(errno)")
    run()
    if capacity > 0 {
      worker.record.table.visit { connection in
        var value = capacity
        unsafe setsockopt(connection.record.fd, SOL_SOCKET, SO_SNDBUF, &value, socklen_t(MemoryLayout<CInt>.size))
      }
    }
    return raw
  }
}

/// A client's side of a connection.
final class Client {
  private let server: FuzzedWorker
  private var fd: CInt
  private(set) var received: [UInt8] = []
  /// The server's side has ended.
  private(set) var isOver = false

  init(_ server: FuzzedWorker, capacity: CInt = 0) {
    self.server = server
    fd = server.connect(capacity: capacity)
  }

  deinit { close() }

  /// False if the server takes no more.
  @discardableResult
  func send(_ bytes: ArraySlice<UInt8>) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let sent = unsafe rest.withUnsafeBytes { unsafe Glibc.send(fd, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
      if sent < 0 {
        guard errno == EAGAIN else { return false }
        let before = received.count
        server.run()
        read()
        if received.count == before && !isWritable { return false }
        continue
      }
      rest = rest.dropFirst(sent)
    }
    return true
  }

  private var isWritable: Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
    return unsafe poll(&entry, 1, 0) > 0
  }

  /// Takes what has come, up to so many bytes.
  func read(_ limit: Int = .max) {
    var rest = limit
    while rest > 0 && !isOver {
      let count = unsafe withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        let count = unsafe recv(fd, buffer.baseAddress, min(buffer.count, rest), 0)
        if count > 0 { unsafe received.append(contentsOf: buffer[..<count]) }
        return count
      }
      if count < 0 && errno == EAGAIN { return }
      if count <= 0 { isOver = true }
      rest -= max(count, 0)
    }
  }

  /// Reads and lets the server run until neither has anything more to do.
  func settle() {
    while true {
      server.run()
      let before = received.count
      let wasOver = isOver
      read()
      if received.count == before && isOver == wasOver { return }
    }
  }

  func endSending() { shutdown(fd, CInt(SHUT_WR)) }

  func close() {
    if fd >= 0 { Glibc.close(fd) }
    fd = -1
  }
}
