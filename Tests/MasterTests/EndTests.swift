import IPC
import Platform
import Testing

@testable import Master

/// How a generation ends.
@Suite struct EndTests {
  @Test func workersFinishTheirRequests() {
    var generation = Generation()
    generation.handle(.drainRequested(isSuperseded: false))
    #expect(
      generation.actions.prefix(3) == [
        .limitLifetimes(to: generation.time + Generation.gracefulTimeout), .broadcast(.drain), .closeListeners,
      ])
    #expect(generation.actions.count == 5 && generation.reports == [.leaving, .leaving])
    generation.handle(.drainRequested(isSuperseded: false))
    #expect(generation.actions.isEmpty, "once")
    generation.ends(0, .exited(0))
    #expect(!generation.state.hasEnded)
    generation.ends(1, .exited(0))
    #expect(generation.state.hasEnded && generation.state.exitCode == .ok)
  }

  @Test func theirTimeIsBounded() {
    var generation = Generation()
    generation.handle(.drainRequested(isSuperseded: false))
    generation.handle(.stoodStill(2 * Generation.second))
    #expect(generation.has(.extendLifetimes(by: 3 * Generation.second)))
    let begun = generation.time
    generation.wait()
    #expect(generation.time == begun + Generation.gracefulTimeout + 4 * Generation.second)
    #expect(generation.has(.kill(101)) && generation.has(.kill(102)) && generation.logs.count == 2)
    generation.handle(.timerFired)
    #expect(generation.actions.isEmpty)
  }

  @Test func aStopFollowsADrain() {
    var generation = Generation()
    generation.handle(.drainRequested(isSuperseded: false))
    generation.handle(.stopRequested(isSuperseded: false))
    #expect(generation.actions == [.limitLifetimes(to: ScoreboardSlot.exitNow), .broadcast(.stop)])
    generation.handle(.stopRequested(isSuperseded: false))
    generation.handle(.drainRequested(isSuperseded: false))
    #expect(generation.actions.isEmpty)
    generation.wait()
    #expect(generation.has(.kill(101)) && generation.logs.isEmpty)
  }

  @Test func eachWorkerIsReportedOnceAsLeaving() {
    var generation = Generation()
    generation.handle(.stopRequested(isSuperseded: false))
    #expect(generation.reports == [.leaving, .leaving])
    generation = Generation()
    generation.handle(.lifetimeReached(0))
    generation.handle(.workerReady(2))
    #expect(generation.reports == [.ready, .leaving])
    generation.handle(.drainRequested(isSuperseded: false))
    #expect(generation.reports == [.leaving, .leaving], "the replacement, and the worker beside it")
  }

  @Test func withoutASupervisorItFinishes() {
    var generation = Generation()
    generation.handle(.supervisorGone)
    #expect(generation.actions.first == .broadcast(.orphaned) && generation.state.stage == .draining)
    generation = Generation()
    generation.handle(.terminated(supervisorIsGone: true))
    #expect(generation.actions.first == .broadcast(.orphaned) && generation.state.stage == .draining)
    generation.handle(.terminated(supervisorIsGone: true))
    #expect(generation.actions.isEmpty)
  }

  @Test func toldToLeaveByAnotherItServesOn() {
    var generation = Generation()
    generation.handle(.terminated(supervisorIsGone: false))
    #expect(generation.actions == [.reportLeaving] && generation.state.stage == .serving)
    generation.handle(.terminated(supervisorIsGone: false))
    #expect(generation.actions.isEmpty)
    generation = Generation(serving: false)
    generation.handle(.terminated(supervisorIsGone: false))
    #expect(generation.state.stage == .draining, "nobody is served yet")
  }
}
