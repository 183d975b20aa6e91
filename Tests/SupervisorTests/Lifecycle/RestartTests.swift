import IPC
import Platform
import Testing

@testable import Supervisor

/// What the end of a master leads to.
@Suite struct RestartTests {
  /// Half of the backoff is random.
  private func expectDelay(_ service: Service, _ milliseconds: UInt64) {
    let delay = (service.state.restartAt - service.time) / Clock.nanosecondsPerMillisecond
    #expect((milliseconds / 2...milliseconds).contains(delay), "\(delay) of \(milliseconds) ms")
  }

  @Test func anotherMasterStartsWithBackoff() {
    var service = Service()
    service.masterEnds(1, .killed(11))
    #expect(service.launches.isEmpty && service.state.restarts[.killed] == 1)
    for (number, milliseconds) in zip(2..., [100, 200, 400, 800] as [UInt64]) {
      expectDelay(service, milliseconds)
      service.wait()
      #expect(service.deeds == [.launch(number, .restart)])
      service.masterEnds(number, .exited(78))
    }
    #expect(service.state.restarts[.failedToStart] == 4 && service.state.exitCode == nil)
  }

  @Test func healthForgetsFailures() {
    var service = Service()
    service.masterEnds(1, .killed(11))
    service.wait()
    service.becomeReady(2)
    service.time += 2 * Backoff.healthy
    service.masterEnds(2, .exited(0))
    expectDelay(service, 100)
    #expect(service.state.restarts[.exited] == 1)
  }

  @Test func theBackoffIsBounded() {
    var service = Service()
    service.masterEnds(1, .killed(11))
    for number in 2..<40 {
      service.wait()
      service.masterEnds(number, .exited(1))
      #expect(service.state.restartAt - service.time <= Backoff.longest)
    }
  }

  @Test func aReloadUnderWayTakesOver() {
    var service = Service()
    service.handle(.reloadRequested)
    service.masterEnds(1, .killed(11))
    #expect(service.state.restartAt == .max)
    #expect(service.logs.last?.hasSuffix("generation 2 is about to take over") == true)
    service.masterEnds(2, .exited(78))
    expectDelay(service, 100)
    #expect(service.logs.last?.hasSuffix("no generation serves") == true)
  }

  @Test func aReloadReplacesAPlannedRestart() {
    var service = Service()
    service.masterEnds(1, .killed(11))
    service.handle(.reloadRequested)
    #expect(service.launches == [2] && service.state.restartAt == .max)
  }

  // MARK: Masters that others tell to leave

  @Test func aMasterThatIsToldToLeaveServesUntilAnotherDoes() {
    var service = Service()
    service.handle(.toldToLeave(1))
    #expect(service.deeds.isEmpty && service.stage(1) == .leaving && service.state.restarts[.toldToLeave] == 1)
    service.handle(.toldToLeave(1))
    #expect(service.actions.isEmpty, "once")
    service.wait()
    #expect(service.launches == [2])
    service.masterEnds(2, .exited(78))
    #expect(service.logs.last?.contains("until then generation 1 serves") == true)
    service.wait()
    service.becomeReady(3)
    #expect(service.deeds == [.activate(3), .send(.drain, to: 1, isSuperseded: true)])
  }

  @Test func whileTheServiceEndsItLeavesAnyway() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.handle(.toldToLeave(1))
    #expect(service.actions.isEmpty && service.stage(1) == .draining)
  }

  @Test func aStoppedMasterIsContinuedThreeTimesAMinute() {
    var service = Service()
    for _ in 0..<3 {
      service.handle(.masterStopped(1, by: 19))
      #expect(service.deeds == [.resume(101)])
    }
    service.handle(.masterStopped(1, by: 19))
    #expect(service.deeds == [.kill(101)])
    service = Service()
    for _ in 0..<9 {
      service.handle(.masterStopped(1, by: 19))
      #expect(service.deeds == [.resume(101)])
      service.time += 30 * Service.second
    }
  }

  @Test func aClosedChannelEndsInTime() {
    var service = Service()
    service.handle(.channelClosed(1))
    #expect(service.actions.isEmpty)
    service.wait()
    #expect(service.deeds == [.kill(101)])
  }

  @Test func workersThatFinishKeepTheirTimeWhenTheirMasterDies() {
    var service = Service()
    service.handle(.shutdownRequested)
    let deadline = service[1]?.deadline
    service.handle(.channelClosed(1))
    #expect(service[1]?.deadline == deadline)
    service.masterEnds(1, .killed(9), leavingWorkers: true)
    #expect(service[1]?.deadline == deadline)
  }

  @Test func aMasterThatBreaksTheProtocolIsReplaced() {
    var service = Service()
    service.handle(.unusable(1, reason: "its master lies", isLogged: true))
    #expect(service.actions == [.kill(101)])
    service.masterEnds(1, .killed(9))
    #expect(service.state.restartAt < .max)
  }

  // MARK: Workers without a master

  @Test func workersServeOnUntilAnotherGenerationDoes() {
    var service = Service()
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    #expect(service.deeds.isEmpty && service.stage(1) == .orphaned && service[1]?.orphans == 2)
    service.wait()
    service.masterEnds(2, .exited(78))
    #expect(service.logs.last?.contains("2 worker(s) of generation 1 serve without a master") == true)
    service.wait()
    service.becomeReady(3)
    #expect(service.deeds == [.activate(3), .signalOrphans(1, .drain)])
    #expect(service[1]?.workers.allSatisfy { $0.state == .leaving } == true)
    service.workerEnds(1, 0, .exited(0))
    service.workerEnds(1, 1, .exited(0))
    #expect(service.actions.isEmpty && service.state.generations.map(\.number) == [3])
  }

  @Test func theirLastOneLeavesNobody() {
    var service = Service()
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    service.workerEnds(1, 0, .killed(11), lost: LostRequests(count: 1, lines: ["lost with it: GET /"]))
    #expect(service.logs.count == 2 && service.logs[0].hasSuffix("1 other worker(s) go on serving"))
    service.workerEnds(1, 1, .exited(0))
    #expect(service.logs.last?.contains("no generation serves") == true && service.state.generations.isEmpty)
    #expect(service.state.exitCode == nil, "another generation is to start")
  }

  @Test func theyFinishWhenTheServiceEnds() {
    var service = Service()
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    service.handle(.shutdownRequested)
    #expect(service.deeds == [.closeListeners, .signalOrphans(1, .drain)] && service.state.restartAt == .max)
    service.wait()
    #expect(service.deeds == [.kill(1000), .kill(1001)])
    service.workerEnds(1, 0, .killed(9), lost: LostRequests(count: 1))
    service.workerEnds(1, 1, .exited(0))
    #expect(service.state.exitCode == .software)
  }

  @Test func theyExitAtOnceAfterAStop() {
    var service = Service()
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    service.handle(.stopRequested)
    #expect(service.deeds == [.closeListeners, .signalOrphans(1, .stop)])
    #expect(service[1]?.deadline == service.time + ServiceState.orphanStopTime)
    for slot in 0..<2 { service.workerEnds(1, slot, .killed(9)) }
    #expect(service.logs.isEmpty && service.state.exitCode == .ok)
  }

  @Test func aDrainingGenerationFinishesWithoutItsMaster() {
    var service = Service()
    service.handle(.reloadRequested)
    service.becomeReady(2)
    let deadline = service[1]?.deadline
    service.time += Service.second
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    #expect(service.deeds == [.signalOrphans(1, .drain)] && service[1]?.deadline == deadline, "no time is won")
    #expect(service.stage(1) == .draining && service.state.restartAt == .max)
  }

  @Test func workersThatNeverWereReadyDoNotServe() {
    var service = Service(serving: false)
    service.handle(.begun)
    service.state.generations[0].workers = [WorkerStatus(slot: 0, pid: 1, workerIndex: 0, state: .starting)]
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    #expect(service.deeds == [.discard(1), .signalOrphans(1, .drain), .discard(1), .closeListeners])
    service.workerEnds(1, 0, .killed(9))
    #expect(service.state.exitCode == .software && service.logs.isEmpty)
  }
}
