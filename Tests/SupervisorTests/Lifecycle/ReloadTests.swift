import IPC
import Platform
import Testing

@testable import Supervisor

/// Which generation starts, serves and drains.
@Suite struct ReloadTests {
  @Test func theFirstGenerationServesWhenItIsReady() {
    var service = Service(serving: false)
    service.handle(.begun)
    #expect(service.deeds == [.launch(1, .start)] && service.stage(1) == .starting)
    service.becomeReady(1)
    #expect(service.actions.prefix(2) == [.activate(1), .notify(.ready("serving, generation 1"))])
    #expect(service.stage(1) == .serving && service.state.nextDeadline == .max)
  }

  @Test func aReloadTakesOverOnlyWhenItIsReady() {
    var service = Service()
    service.handle(.reloadRequested)
    #expect(service.deeds == [.launch(2, .reload)])
    #expect(service.stage(1) == .serving && service.stage(2) == .starting)
    service.time += Service.second
    service.becomeReady(2)
    #expect(service.deeds == [.activate(2), .send(.drain, to: 1, isSuperseded: true)])
    #expect(service.stage(1) == .draining && service.stage(2) == .serving)
    #expect(service[1]?.deadline == service.time + 32 * Service.second)
    let reload = service.state.lastReload
    #expect(
      reload?.generation == 2 && reload?.failure == nil && reload?.duration == Service.second && reload?.endedAt == 7)
    service.masterEnds(1, .exited(0))
    #expect(service.actions.isEmpty && service.state.generations.map(\.number) == [2])
    #expect(service.state.reloads.succeeded == 1)
  }

  @Test func aReloadDuringAStartFollowsIt() {
    var service = Service()
    service.handle(.reloadRequested)
    for _ in 0..<3 { service.handle(.reloadRequested) }
    #expect(service.launches.isEmpty && service.state.reloadIsWanted)
    service.becomeReady(2)
    #expect(service.launches == [3], "one for all of them")
    service.becomeReady(3)
    #expect(service.launches.isEmpty && !service.state.reloadIsWanted)
  }

  @Test func aReloadDuringAFailedStartFollowsItToo() {
    var service = Service()
    service.handle(.reloadRequested)
    service.handle(.reloadRequested)
    service.masterEnds(2, .exited(78))
    #expect(service.launches == [3] && service.stage(1) == .serving)
  }

  @Test func aFailedReloadLeavesTheServingGenerationAlone() {
    var service = Service()
    service.handle(.reloadRequested)
    service.state.generations[1].failure = "no such plugin"
    service.masterEnds(2, .exited(78))
    #expect(service.deeds == [.discard(2)])
    #expect(service.logs == ["reload failed: no such plugin; generation 1 goes on serving"])
    #expect(service.stage(1) == .serving && service.state.restartAt == .max && service.state.exitCode == nil)
    #expect(service.state.reloads.failed == 1 && service.state.lastReload?.failure == "no such plugin")
  }

  @Test func aStartThatTakesTooLongIsKilled() {
    var service = Service()
    service.handle(.reloadRequested)
    service.wait()
    #expect(service.deeds == [.kill(service.pid(2))])
    service.masterEnds(2, .killed(9))
    #expect(service.logs.first?.contains("not ready within boot_timeout (30.0 s), while starting") == true)
  }

  @Test func aLaunchThatFailsIsAFailedReload() {
    var service = Service()
    service.handle(.launchFailed(2, .reload, reason: "fork: no memory"))
    #expect(service.deeds == [.discard(2)] && service.state.lastReload?.failure == "fork: no memory")
  }

  @Test func manyReloadsWaitForDrainingGenerations() {
    var service = Service()
    for number in 2...17 {
      service.handle(.reloadRequested)
      service.becomeReady(number)
    }
    #expect(service.state.generations.count { $0.stage == .draining } == ServiceState.maxDraining)
    service.handle(.reloadRequested)
    #expect(service.launches.isEmpty && service.state.reloadIsWanted)
    service.masterEnds(1, .exited(0))
    #expect(service.launches == [18])
  }

  @Test func aRestartDoesNotWaitForThem() {
    var service = Service()
    for number in 2...17 {
      service.handle(.reloadRequested)
      service.becomeReady(number)
    }
    service.masterEnds(17, .killed(11), leavingWorkers: true)
    service.wait()
    #expect(service.launches == [18])
    service.becomeReady(18)
    #expect(service.deeds.contains(.send(.stop, to: 1, isSuperseded: true)), "the oldest one ends")
    #expect(service.stage(1) == .stopping && service.stage(17) == .draining)
  }

  @Test func noReloadBeginsWhileTheServiceEnds() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.handle(.reloadRequested)
    #expect(service.actions.isEmpty && !service.state.reloadIsWanted)
  }

  // MARK: The replacement of the program

  @Test func aReplacementWaitsForAStart() {
    var service = Service()
    service.handle(.reloadRequested)
    service.handle(.replacementRequested)
    #expect(service.actions.isEmpty)
    service.becomeReady(2)
    #expect(service.deeds.last == .probe)
    service.handle(.replacementRequested)
    #expect(service.actions.isEmpty, "one check at a time")
    service.handle(.probeEnded(objection: nil))
    #expect(service.actions == [.replace])
  }

  @Test func aStartDuringTheCheckDelaysTheReplacement() {
    var service = Service()
    service.handle(.replacementRequested)
    #expect(service.actions == [.probe])
    service.handle(.reloadRequested)
    service.handle(.probeEnded(objection: nil))
    #expect(service.actions.isEmpty)
    service.becomeReady(2)
    #expect(service.deeds.last == .probe, "the program may be another by now")
  }

  @Test func anObjectionReplacesNothing() {
    var service = Service()
    service.handle(.replacementRequested)
    service.handle(.probeEnded(objection: "it is not outrider"))
    #expect(service.actions == [.reportReplacementFailure("it is not outrider")])
    service.handle(.replacementRequested)
    service.handle(.stopRequested)
    service.handle(.probeEnded(objection: nil))
    #expect(service.actions.isEmpty, "a service that ends is not replaced")
  }
}
