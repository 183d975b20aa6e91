import HTTP
import Platform
import PluginHost
import Synchronization
import Testing

@testable import Workers

/// What the threads of a pool have done, in order.
private final class Seen: Sendable {
  private let requests = Mutex<[Int32]>([])
  let running = Atomic<Int>(0)
  let mostRunning = Atomic<Int>(0)
  let isHeld = Atomic<Bool>(false)

  var count: Int { requests.withLock { $0.count } }
  var all: [Int32] { requests.withLock { $0 } }

  func run(_ request: Request) {
    let now = running.add(1, ordering: .sequentiallyConsistent).newValue
    mostRunning.max(now, ordering: .sequentiallyConsistent)
    requests.withLock { $0.append(request.record.slot) }
    while isHeld.load(ordering: .acquiring) { Thread.yield() }
    running.subtract(1, ordering: .sequentiallyConsistent)
  }

  /// Waits until so many requests have begun.
  func await(_ count: Int) -> Bool {
    let deadline = Clock.monotonic() + 30 * Clock.nanosecondsPerSecond
    while self.count < count {
      guard Clock.monotonic() < deadline else { return false }
      Thread.yield()
    }
    return true
  }
}

@Suite struct ThreadPoolTests {
  private final class Bench {
    let scoreboard: Scoreboard
    let pool: ThreadPool
    var requests: RequestPool
    var table = ConnectionTable(capacity: 16)

    init(_ plugins: [Plugin], threads: Int, _ seen: Seen) throws {
      scoreboard = try Scoreboard(
        ScoreboardLayout(slots: 1, plugins: plugins.count, threads: threads, refusals: Refusal.allCases.count),
        names: plugins.map { _ in "test" })
      pool = ThreadPool(plugins) { request, _, pool in
        seen.run(request)
        if pool.countsTurns(of: request) { pool.endTurn(request) }
      }
      requests = RequestPool(capacity: 16, limits: RequestLimits(), underscores: .drop)
      try pool.start(threads, plugins: [], slot: scoreboard.slot(0))
    }

    func submit(_ plugin: Int = 0) -> Int32 {
      guard let connection = table.open(-1, listener: 0, peer: .nobody), let request = requests.open(connection) else {
        return -1
      }
      request.record.plugin = plugin
      pool.submit(request)
      return request.record.slot
    }
  }

  private func soon(_ seconds: UInt64 = 30) -> UInt64 { Clock.monotonic() + seconds * Clock.nanosecondsPerSecond }

  @Test func requestsAreTakenInOrderOnceTheirTurnOfTheLoopIsOver() throws {
    let seen = Seen()
    let bench = try Bench([TestPlugin.make()], threads: 1, seen)
    let submitted = (0..<8).map { _ in bench.submit() }
    #expect(seen.count == 0)
    bench.pool.release()
    #expect(seen.await(8) && seen.all == submitted)
    #expect(bench.pool.stop(until: soon()))
  }

  @Test func asManyRunAtOnceAsThereAreThreads() throws {
    let seen = Seen()
    let bench = try Bench([TestPlugin.make()], threads: 3, seen)
    seen.isHeld.store(true, ordering: .releasing)
    for _ in 0..<6 { _ = bench.submit() }
    bench.pool.release()
    #expect(seen.await(3))
    seen.isHeld.store(false, ordering: .releasing)
    #expect(seen.await(6))
    #expect(seen.mostRunning.load(ordering: .relaxed) == 3)
    #expect(bench.pool.stop(until: soon()))
  }

  /// The others are not held up by it.
  @Test func aPluginThatIsNotThreadSafeRunsOnOneThreadAtATime() throws {
    let seen = Seen()
    let bench = try Bench(
      [TestPlugin.make(0, isThreadSafe: false), TestPlugin.make(1)], threads: 3, seen)
    seen.isHeld.store(true, ordering: .releasing)
    let serial = (0..<3).map { _ in bench.submit(0) }
    let other = bench.submit(1)
    bench.pool.release()
    #expect(seen.await(2))
    #expect(Set(seen.all) == [serial[0], other])
    seen.isHeld.store(false, ordering: .releasing)
    #expect(seen.await(4))
    #expect(seen.all.filter { $0 != other } == serial)
    #expect(bench.pool.stop(until: soon()))
  }

  @Test func aThreadThatIsAtWorkIsNotWaitedForBeyondTheDeadline() throws {
    let seen = Seen()
    let bench = try Bench([TestPlugin.make()], threads: 2, seen)
    seen.isHeld.store(true, ordering: .releasing)
    _ = bench.submit()
    bench.pool.release()
    #expect(seen.await(1))
    #expect(!bench.pool.stop(until: Clock.monotonic() + 20 * Clock.nanosecondsPerMillisecond))
    #expect(bench.pool.threadCount == 1)
    seen.isHeld.store(false, ordering: .releasing)
    #expect(bench.pool.stop(until: soon()))
  }
}
