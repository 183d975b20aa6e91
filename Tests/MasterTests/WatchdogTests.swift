import IPC
import Platform
import Testing

@testable import Master

/// Which workers are unresponsive, and what follows.
@Suite struct WatchdogTests {
  private let second = Generation.second

  private func symptom(
    loop: UInt64 = 0, threads: [UInt64] = [], at now: UInt64 = 100, limit: UInt64 = 8, countsFrom: UInt64 = 0
  ) -> String? {
    var watchdog = WorkerWatchdog(limit: limit * second)
    watchdog.countsFrom = countsFrom * second
    let sample = WorkerSample(
      slot: 0, loopBusySince: loop * second, threadsBusySince: threads.map { $0 * second })
    return watchdog.symptom(sample, now * second)
  }

  @Test func aLoopThatDoesNotTurn() {
    #expect(symptom(loop: 91) == "its loop has not turned for 9000 ms")
    #expect(symptom(loop: 92) == nil, "the limit itself is within it")
    #expect(symptom(loop: 0) == nil, "it waits for events")
    #expect(symptom(loop: 101) == nil, "another processor's clock may be ahead")
    #expect(symptom(loop: 1, limit: 0) == nil, "no limit")
    #expect(symptom(loop: 1, countsFrom: 95) == nil, "the master has stood still")
  }

  @Test func threadsAreUnresponsiveTogether() {
    #expect(symptom(threads: [80, 91]) == "all its 2 thread(s) have been busy for 9000 ms")
    #expect(symptom(threads: [80, 0]) == nil && symptom(threads: [80, 95]) == nil)
    #expect(symptom(threads: [10, 10], countsFrom: 95) == nil)
  }

  @Test func eachWatchedThreadOfAPlugin() {
    var sample = WorkerSample(slot: 0)
    sample.pluginThreads = [("thread a of plugin p", 0), ("thread b of plugin p", 91 * second)]
    let watchdog = WorkerWatchdog(limit: 8 * second)
    #expect(watchdog.symptom(sample, 100 * second) == "thread b of plugin p has said nothing for 9000 ms")
    #expect(watchdog.symptom(sample, 99 * second) == nil)
    #expect(WorkerWatchdog(limit: 0).symptom(sample, 100 * second) == nil)
  }

  @Test func checksAreFrequentButBounded() {
    for (limit, interval, tolerance) in [
      (0, 1000, 1000), (1, 50, 250), (800, 100, 250), (8000, 1000, 1000), (2000, 250, 500),
    ] as [(UInt64, UInt64, UInt64)] {
      let watchdog = WorkerWatchdog(limit: limit * Clock.nanosecondsPerMillisecond)
      #expect(watchdog.interval == interval * Clock.nanosecondsPerMillisecond, "\(limit)")
      #expect(watchdog.tolerance == tolerance * Clock.nanosecondsPerMillisecond, "\(limit)")
    }
  }

  @Test func anUnresponsiveWorkerIsAbortedThenKilledThenReplaced() {
    var generation = Generation()
    let sample = WorkerSample(slot: 1, loopBusySince: generation.time)
    generation.time += Generation.workerTimeout + 1
    generation.handle(.workersChecked([WorkerSample(slot: 0), sample]))
    #expect(generation.has(.abort(1)) && generation.logs.first?.hasPrefix("worker 1 (pid 102) unresponsive") == true)
    generation.handle(.workersChecked([sample]))
    #expect(generation.actions.isEmpty, "once")
    generation.time += MasterState.dumpTime
    generation.handle(.timerFired)
    #expect(generation.has(.kill(102)) && generation.logs.isEmpty)
    generation.ends(1, .killed(9))
    #expect(generation.has(.countRestart(.hung)))
    generation.waitForStart()
    #expect(generation.spawned == [1])
  }

  @Test func aReplacementThatIsNotReadyInTimeIsAborted() {
    var generation = Generation()
    generation.ends(0, .killed(11))
    generation.waitForStart()
    let sample = WorkerSample(slot: 0, hook: "worker_start of plugin demo")
    generation.time += Generation.bootTimeout - 1
    generation.handle(.workersChecked([sample]))
    #expect(generation.actions.isEmpty)
    generation.time += 1
    generation.handle(.workersChecked([sample]))
    #expect(generation.has(.abort(0)) && generation.logs[0].contains("in worker_start of plugin demo"))
  }

  @Test func aWorkerThatBreaksTheProtocolIsAborted() {
    var generation = Generation()
    generation.handle(.protocolViolated(0, reason: "sends \"ready\" twice"))
    #expect(generation.has(.abort(0)))
    generation.ends(0, .killed(6))
    #expect(generation.has(.countRestart(.crashed)), "it did not hang")
    generation = Generation(serving: false)
    generation.handle(.protocolViolated(0, reason: "sends \"ready\" twice"))
    #expect(generation.has(.kill(101)))
  }

  @Test func aWorkerWithTooMuchMemoryIsReplaced() {
    var generation = Generation(memoryLimit: 1000)
    generation.handle(.workersChecked([WorkerSample(slot: 0, memory: 1000), WorkerSample(slot: 1, memory: nil)]))
    #expect(generation.actions.isEmpty)
    generation.handle(.workersChecked([WorkerSample(slot: 0, memory: 1001)]))
    #expect(generation.has(.countRestart(.memoryLimit)) && generation.spawned == [0])
  }
}
