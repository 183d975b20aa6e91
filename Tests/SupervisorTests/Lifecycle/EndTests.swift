import IPC
import Platform
import Testing

@testable import Supervisor

/// How the service ends, and with which exit code.
@Suite struct EndTests {
  @Test(arguments: [
    (Process.ExitStatus.exited(78), ExitCode.configuration), (.exited(0), .software),
    (.exited(123), .software), (.exited(69), .unavailable), (.killed(9), .software),
  ])
  func aFirstStartThatFailsEndsTheService(exitStatus: Process.ExitStatus, code: ExitCode) {
    var service = Service(serving: false)
    service.handle(.begun)
    service.masterEnds(1, exitStatus)
    #expect(service.state.exitCode == code && service.deeds == [.discard(1)])
    #expect(service.logs == ["master 101 \(exitStatus) while starting"])
  }

  @Test func aFailureThatTheSupervisorHasFoundHasItsOwnCode() {
    var service = Service(serving: false)
    service.handle(.begun)
    service.handle(.unusable(1, reason: "metrics.bind: in use", code: .unavailable))
    service.handle(.unusable(1, reason: "later", code: .osError))
    service.masterEnds(1, .killed(9))
    #expect(service.state.exitCode == .unavailable && service.logs == ["metrics.bind: in use"])
  }

  @Test func aFailureThatTheMasterHasLoggedIsLoggedOnce() {
    var service = Service(serving: false)
    service.handle(.begun)
    service.state.generations[0].failure = "no such plugin"
    service.state.generations[0].failureIsLogged = true
    service.masterEnds(1, .exited(78))
    #expect(service.logs.isEmpty && service.state.exitCode == .configuration)
  }

  @Test func requestsInFlightAreFinished() {
    var service = Service()
    service.handle(.shutdownRequested)
    #expect(service.deeds == [.closeListeners, .send(.drain, to: 1, isSuperseded: false)])
    #expect(service.state.exitCode == nil && service.stage(1) == .draining)
    service.masterEnds(1, .exited(0))
    #expect(service.state.exitCode == .ok)
  }

  @Test func aSecondSignalEndsItAtOnce() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.handle(.stopRequested)
    #expect(service.deeds == [.closeListeners, .send(.stop, to: 1, isSuperseded: false)])
    #expect(service[1]?.deadline == service.time + ServiceState.stopTime)
    service.handle(.stopRequested)
    #expect(service.actions.isEmpty)
    service.wait()
    #expect(service.deeds == [.kill(101)])
    service.masterEnds(1, .killed(9))
    #expect(service.state.exitCode == .ok, "a generation that is stopped loses its requests by intention")
  }

  @Test func lostRequestsShowInTheExitCode() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.masterEnds(1, .exited(70))
    #expect(service.state.exitCode == .software)
    service = Service()
    service.handle(.shutdownRequested)
    service.wait()
    #expect(service.deeds == [.kill(101)])
    service.masterEnds(1, .killed(9))
    #expect(service.state.exitCode == .software)
  }

  @Test func aStartingGenerationIsStopped() {
    var service = Service()
    service.handle(.reloadRequested)
    service.handle(.shutdownRequested)
    #expect(
      service.deeds == [
        .closeListeners, .send(.drain, to: 1, isSuperseded: false), .discard(2),
        .send(.stop, to: 2, isSuperseded: false),
      ])
    service.masterEnds(2, .killed(9))
    #expect(service.state.exitCode == nil)
    service.masterEnds(1, .exited(0))
    #expect(service.state.exitCode == .ok, "it never had a request")
  }

  @Test func theShutdownDelayServesOn() {
    var service = Service()
    service.state.generations[0].settings.shutdownDelay = 5 * Service.second
    service.handle(.shutdownRequested)
    #expect(service.deeds.isEmpty && service.stage(1) == .serving && service.state.isEnding)
    #expect(!service.state.isReady && service.state.nextDeadline == service.time + 5 * Service.second)
    service.handle(.stoodStill(Service.second))
    #expect(service.state.nextDeadline == service.time + 6 * Service.second)
    service.wait()
    #expect(service.deeds == [.closeListeners, .send(.drain, to: 1, isSuperseded: false)])
  }

  @Test func aMasterThatEndsWithinTheDelayIsReplaced() {
    var service = Service()
    service.state.generations[0].settings.shutdownDelay = 5 * Service.second
    service.handle(.shutdownRequested)
    service.masterEnds(1, .killed(11))
    #expect(service.state.restartAt < .max)
    service.time = service.state.restartAt
    service.handle(.timerFired)
    #expect(service.launches == [2])
  }

  @Test func aMasterThatTakesNoCommandIsKilled() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.handle(.commandFailed(1))
    #expect(service.actions == [.kill(101)])
    #expect(service[1]?.deadline == .max)
  }

  @Test func noPidIsKilledThatMayBeAnothers() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.state.generations[0].hasEnded = true
    service.handle(.commandFailed(1))
    #expect(service.actions.isEmpty)
    service.handle(.becameReady(9))
    #expect(service.actions.isEmpty, "a generation that has gone")
  }
}
