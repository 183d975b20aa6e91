import IPC
import Platform
import Testing

@testable import Master

/// Workers that are replaced while they serve, and more or fewer of them.
@Suite struct ReplacementTests {
  @Test func theReplacementIsReadyBeforeTheWorkerDrains() {
    var generation = Generation()
    generation.handle(.lifetimeReached(0))
    #expect(generation.has(.countRestart(.maxRequests)) && generation.spawned == [0])
    #expect(!generation.reports.contains(.leaving))
    generation.handle(.workerReady(2))
    let deadline = generation.time + Generation.gracefulTimeout
    #expect(generation.has(.drain(0, deadline: deadline)) && generation.reports == [.ready, .leaving])
    generation.ends(0, .exited(0))
    #expect(generation.loggedExits.isEmpty && generation.spawned.isEmpty)
  }

  @Test func oneAtATime() {
    var generation = Generation(workers: 3, slots: 12)
    for slot in 0..<3 { generation.handle(.lifetimeReached(slot)) }
    #expect(generation.spawned.isEmpty, "the first one's is starting")
    generation.handle(.workerReady(3))
    #expect(generation.spawned == [1])
    generation.handle(.workerReady(4))
    generation.handle(.workerReady(5))
    #expect(generation.state.workers.slots.count { generation.worker($0)?.isLeaving == true } == 3)
    generation.handle(.retireRequested(104))
    #expect(generation.spawned.isEmpty, "as many drain as serve")
    generation.ends(0, .exited(0))
    #expect(generation.spawned == [0])
  }

  @Test func aReplacementThatFailsIsTriedAgainLater() {
    var generation = Generation()
    generation.handle(.retireRequested(101))
    #expect(generation.has(.countRestart(.retired)) && generation.spawned == [0])
    generation.ends(2, .exited(78))
    #expect(generation.loggedExits.first?.hasPrefix("; the next replacement starts in ") == true)
    #expect(generation.spawned.isEmpty && generation.worker(0)?.isLeaving == false)
    generation.waitForStart()
    #expect(generation.spawned == [0])
  }

  @Test func aWorkerIsReplacedOnce() {
    var generation = Generation()
    generation.handle(.retireRequested(101))
    generation.handle(.lifetimeReached(0))
    generation.handle(.retireRequested(101))
    generation.handle(.retireRequested(9))
    #expect(generation.actions.isEmpty)
  }

  @Test func aWorkerThatDrainsTooLongIsKilled() {
    var generation = Generation()
    generation.handle(.retireRequested(101))
    generation.handle(.workerReady(2))
    generation.time += Generation.gracefulTimeout + Generation.second
    generation.handle(.timerFired)
    #expect(generation.has(.kill(101)) && generation.logs.count == 1)
    generation.ends(0, .killed(9))
    #expect(generation.loggedExits == [""] && !generation.has(.countRestart(.crashed)))
    #expect(generation.state.exitCode == .ok, "the generation goes on")
  }

  // MARK: TTIN, TTOU and `scale`

  @Test func moreWorkers() {
    var generation = Generation()
    generation.handle(.scaleRequested(by: 2))
    #expect(generation.spawned == [2, 3] && generation.logs == ["4 worker(s) from now on"])
    generation.handle(.scaleRequested(by: 1))
    #expect(generation.spawned.isEmpty, "8 slots have room for 4, and their replacements")
    #expect(generation.logs == ["there is no room for more than 4 workers until the next reload"])
    generation.handle(.scaleRequested(by: .max))
    #expect(generation.state.workers.count == 4)
  }

  @Test func fewerWorkers() {
    var generation = Generation(workers: 3)
    generation.handle(.scaleRequested(by: -1))
    #expect(generation.reports == [.leaving] && generation.worker(2)?.isLeaving == true)
    #expect(generation.logs == ["2 worker(s) from now on"])
    generation.handle(.scaleRequested(by: .min))
    #expect(generation.state.workers.count == 1 && generation.worker(0)?.isLeaving == false, "one stays")
    generation.ends(2, .exited(0))
    generation.ends(1, .killed(11))
    #expect(generation.state.workers.nextStart == .max, "no removed one is replaced")
    generation.handle(.scaleRequested(by: 1))
    #expect(generation.spawned == [1])
  }

  @Test func nothingChangesWhileItEnds() {
    var generation = Generation()
    generation.handle(.drainRequested(isSuperseded: false))
    generation.handle(.scaleRequested(by: 1))
    #expect(generation.actions.isEmpty)
    generation.handle(.lifetimeReached(0))
    #expect(generation.spawned.isEmpty)
  }
}
