import IPC
import Platform
import Testing

@testable import Master

/// What the end of a worker leads to.
@Suite struct CrashTests {
  private func delay(_ generation: Generation) -> UInt64 {
    (generation.state.workers.nextStart - generation.time) / Clock.nanosecondsPerMillisecond
  }

  @Test func aCrashedWorkerIsReplacedWithBackoff() {
    var generation = Generation()
    for milliseconds in [100, 200, 400, 800] as [UInt64] {
      generation.ends(0, .killed(11))
      #expect(generation.has(.countRestart(.crashed)) && generation.reports == [.gone] && generation.spawned.isEmpty)
      #expect((milliseconds / 2...milliseconds).contains(delay(generation)))
      #expect(generation.loggedExits.first?.hasPrefix("; its replacement starts in ") == true)
      generation.waitForStart()
      #expect(generation.spawned == [0], "the same index")
      generation.handle(.workerReady(0))
    }
  }

  @Test func aWorkerThatExitsIsReplacedToo() {
    var generation = Generation()
    generation.ends(1, .exited(0))
    #expect(generation.has(.countRestart(.crashed)) && generation.loggedExits.count == 1)
    generation.handle(.timerFired)
    #expect(generation.spawned.isEmpty, "not before its time")
  }

  @Test func itsRequestsAreCountedOnceItsEndIsLogged() {
    var generation = Generation()
    generation.handle(.lifetimeReached(1))
    generation.ends(2, .killed(11))
    let counted = generation.actions.firstIndex(of: .countLost(slot: 2, .killed(11), wasLeaving: false))
    let logged = generation.actions.firstIndex { if case .logExit = $0 { true } else { false } }
    #expect(logged.flatMap { logged in counted.map { logged < $0 } } == true)
    #expect(generation.actions.firstIndex { if case .spawn = $0 { true } else { false } } == nil)
  }

  @Test func aPluginThatCrashesWorkersIsPaused() {
    var generation = Generation(maxFails: 2)
    generation.ends(0, .killed(11), WorkerRemains(failedPlugin: 0))
    #expect(generation.logs.isEmpty)
    generation.ends(1, .killed(11), WorkerRemains(failedPlugin: 0))
    let pause = generation.actions.compactMap { if case .pause(0, let end) = $0 { end } else { nil } }.first
    #expect(pause.map { $0 > generation.time } == true)
    #expect(generation.logs.first?.hasPrefix("plugin demo has crashed plugin.max_fails workers or more") == true)
    #expect(delay(generation) <= 100, "the workers do not back off for it")
  }

  @Test func aDrainingGenerationReplacesNobody() {
    var generation = Generation()
    generation.handle(.drainRequested(isSuperseded: false))
    generation.ends(0, .killed(11))
    #expect(generation.loggedExits == [""] && generation.state.workers.nextStart == .max)
    generation.ends(1, .exited(0))
    #expect(generation.loggedExits.isEmpty && generation.state.hasEnded && generation.state.exitCode == .software)
  }

  @Test func whereAnotherGenerationServesThatIsNoFailure() {
    var generation = Generation()
    generation.handle(.drainRequested(isSuperseded: true))
    for slot in 0..<2 { generation.ends(slot, .killed(11)) }
    #expect(generation.state.hasEnded && generation.state.exitCode == .ok)
  }

  @Test func normalEndsAreNotLogged() {
    for (stage, exitStatus, remains, isLogged) in [
      (.drainRequested(isSuperseded: false), .exited(0), WorkerRemains(), false),
      (.drainRequested(isSuperseded: false), .exited(0), WorkerRemains(hasTraces: true), true),
      (.drainRequested(isSuperseded: false), .killed(9), WorkerRemains(), true),
      (.stopRequested(isSuperseded: false), .killed(9), WorkerRemains(), false),
      (.stopRequested(isSuperseded: false), .killed(9), WorkerRemains(hasRequestsInFlight: true), true),
      (.stopRequested(isSuperseded: false), .killed(11), WorkerRemains(), true),
    ] as [(MasterEvent, Process.ExitStatus, WorkerRemains, Bool)] {
      var generation = Generation()
      generation.handle(stage)
      generation.ends(0, exitStatus, remains)
      #expect(generation.loggedExits.isEmpty != isLogged, "\(stage) \(exitStatus) \(remains)")
    }
  }

  @Test func aWorkerThatWasNotReadyLeavesQuietly() {
    var generation = Generation(serving: false)
    generation.handle(.workerReady(0))
    generation.handle(.terminated(supervisorIsGone: false))
    generation.ends(1, .killed(15))
    #expect(generation.loggedExits.isEmpty && !generation.state.hasLostWorker)
  }
}
