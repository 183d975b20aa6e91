import IPC
import Platform
import Testing

@testable import Master

/// How a generation starts, and with which exit code it fails.
@Suite struct StartTests {
  @Test func itServesWhenEachWorkerIsReady() {
    var generation = Generation(serving: false)
    #expect(generation.spawned == [0, 1] && generation.reports == [.starting, .starting])
    generation.handle(.workerReady(1))
    #expect(generation.reports == [.ready] && !generation.has(.startServing))
    generation.handle(.workerReady(0))
    #expect(generation.has(.startServing) && generation.state.stage == .serving)
    generation.handle(.timerFired)
    #expect(generation.has(.checkWorkers), "at once")
  }

  @Test func aWorkerThatFailsEndsTheStart() {
    var generation = Generation(serving: false)
    generation.handle(.startFailed(1, reason: "no database\nat all"))
    #expect(generation.logs == ["no database", "at all"] && generation.has(.reportFailure("no database\nat all")))
    generation.handle(.startFailed(0, reason: "no database either"))
    #expect(!generation.has(.reportFailure("no database either")), "the first reason counts")
    generation.ends(1, .exited(78))
    #expect(generation.has(.broadcast(.stop)) && generation.loggedExits.isEmpty)
    generation.ends(0, .exited(0))
    #expect(generation.state.hasEnded && generation.state.exitCode == .configuration)
  }

  @Test(arguments: [
    (Process.ExitStatus.killed(11), ExitCode.software), (.exited(78), .configuration), (.exited(3), .software),
  ])
  func aWorkerThatEndsWhileItStarts(exitStatus: Process.ExitStatus, code: ExitCode) {
    var generation = Generation(serving: false)
    generation.ends(0, exitStatus, WorkerRemains(hook: "worker_start of plugin demo"))
    let reason = "worker 0 (pid 101) \(exitStatus) while starting, in worker_start of plugin demo"
    #expect(generation.has(.reportFailure(reason)) && generation.loggedExits.count == 1)
    #expect(generation.spawned.isEmpty && generation.state.failureCode == code)
  }

  @Test func aStartHasATime() {
    var generation = Generation(serving: false)
    generation.handle(.workerReady(0))
    generation.wait()
    #expect(generation.actions == [.examineStart])
    generation.handle(.startTimedOut(hook: "worker_start of plugin demo"))
    let reason = "workers are not ready within boot_timeout: one is in worker_start of plugin demo"
    #expect(generation.logs == [reason] && generation.has(.reportFailure(reason)) && generation.has(.broadcast(.stop)))
    generation.wait()
    #expect(generation.has(.kill(101)) && generation.has(.kill(102)) && generation.state.nextDeadline() == .max)
    for slot in 0..<2 { generation.ends(slot, .killed(9)) }
    #expect(generation.state.hasEnded && generation.state.exitCode == .software)
  }

  @Test func aForkThatFails() {
    var generation = Generation(serving: false)
    generation.handle(.spawnFailed(workerIndex: 1, reason: "fork: no memory"))
    #expect(generation.state.stage == .stopping && generation.state.failureCode == .osError)
    generation = Generation()
    generation.handle(.spawnFailed(workerIndex: 1, reason: "fork: no memory"))
    #expect(generation.state.stage == .serving && generation.state.workers.nextStart < .max, "later again")
  }

  @Test func aWorkerThatWasReadyBeforeTheOthersIsReplaced() {
    var generation = Generation(serving: false)
    generation.handle(.workerReady(0))
    generation.ends(0, .killed(11))
    #expect(generation.state.stage == .starting)
    generation.waitForStart()
    #expect(generation.spawned == [0])
  }

  @Test func aStandstillPostponesTheStart() {
    var generation = Generation(serving: false)
    generation.time += 25 * Generation.second
    generation.handle(.stoodStill(20 * Generation.second))
    #expect(generation.state.bootDeadline == generation.time + Generation.bootTimeout)
  }
}
