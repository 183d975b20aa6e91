import Configuration
import Glibc
import HTTP
import IPC
import Platform
import PluginHost

@testable import Workers

/// A worker in this process: its loop's turns are taken here, and its clients are sockets of this process. There is one for
/// all tests, since a process has one; nothing of a test's connections may be left when it ends.
final class TestWorker {
  // Tests that use it run one after the other.
  nonisolated(unsafe) static let shared = try! TestWorker()

  let worker: Worker
  private let name = Array("\0outrider-worker-test-\(getpid())".utf8)
  private let listener: CInt
  private let master: Channel
  private let scoreboard: Scoreboard

  private init() throws {
    var settings = Settings.defaults
    settings.server.workerConnections = 8
    settings.limits.minRate = 0
    settings.listeners[0].bind = .unix(path: "/test")
    settings.listeners[0].h2c = true
    let own = WorkerSettings(settings)
    let channel = try Channel.pair(sealed: true)
    master = channel.upper
    scoreboard = try Scoreboard(
      ScoreboardLayout(slots: 1, plugins: 1, threads: 1, refusals: Refusal.allCases.count), names: ["test"])
    let slot = scoreboard.slot(0)
    let runtime = try Runtime.install(
      exchanges: own.requests, slot: slot, role: "test", level: .critical, abortsOnMisuse: false)
    let thread = WorkerThread.install(cells: slot.thread(0), plugins: 1)
    unsafe runtime.record.loopThread = unsafe UnsafeMutableRawPointer(thread.address)
    listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    let now = Clock.monotonic()
    worker = Worker.install(
      WorkerRecord(
        settings: own, sinks: Sinks(own), runtime: runtime, thread: thread, plugins: [TestPlugin.hello],
        router: Router([TestPlugin.hello]), pausedPlugins: PausedPlugins(ends: []),
        log: ErrorLog.logger(role: "test", level: .critical), accessLog: nil, epoll: try Epoll(capacity: 64),
        timer: try TimerDescriptor(), channel: channel.lower,
        acceptor: Acceptor(
          [Listener(fd: listener, isUnix: true, serverAddress: .empty, serverPort: 0)], isShared: false),
        tls: [nil], table: ConnectionTable(capacity: own.connections),
        requests: RequestPool(capacity: own.requests, limits: own.limits, underscores: own.underscores),
        wheel: DeadlineWheel(now: now), clock: LoopClock(now: now, heartbeat: 0), recycling: Recycling(lifetime: .max),
        draining: Draining(timeout: 10 * Clock.nanosecondsPerSecond, cutWake: try WakeDescriptor()),
        spools: Spools(limit: 0, workerLimit: 0, log: ErrorLog.logger(role: "test", level: .critical)), slot: slot))
    var (address, size) = address
    let bound = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(listener, $0, size) }
    }
    precondition(bound == 0 && listen(listener, 8) == 0)
    try worker.registerSources()
    worker.updateClock()
  }

  private var address: (sockaddr_un, socklen_t) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
    return (address, socklen_t(MemoryLayout<sa_family_t>.size + name.count))
  }

  /// The test may run on any thread: it is the loop's for now.
  func use<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = unsafe Thread.context
    unsafe Thread.context = worker.record.runtime.record.loopThread
    defer { unsafe Thread.context = before }
    return try body()
  }

  /// Takes turns until there is nothing to do.
  func run() {
    for _ in 0..<10_000 {
      worker.updateAccepting()
      if !worker.takeTurn(waits: false) { return }
    }
  }

  /// A client's socket, connected and accepted, and its connection.
  func connect() -> (fd: CInt, connection: Connection)? {
    let fd = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var (address, size) = address
    let connected = unsafe withUnsafePointer(to: &address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(fd, $0, size) }
    }
    guard connected == 0 else { return nil }
    run()
    var found: Connection?
    worker.record.table.visit { found = $0 }
    return found.map { (fd, $0) }
  }

  /// Time passes until the connection's deadline.
  func expire(_ connection: Connection) {
    worker.record.clock.now = max(worker.record.clock.now, connection.record.deadline) &+ 1
    worker.driver(connection).expire()
  }

  /// Nothing is left of a test: its client closes.
  func close(_ fd: CInt) -> Bool {
    Glibc.close(fd)
    run()
    return worker.record.table.count == 0
  }
}
