import Control
import IPC
import Platform
import Testing

@testable import Supervisor

/// TTIN, TTOU and `outriderctl scale`, and the service manager's watchdog.
@Suite struct ScaleTests {
  @Test func eachGenerationThatServesOrStartsIsTold() {
    var service = Service()
    service.handle(.reloadRequested)
    service.handle(.scaleRequested(by: 1))
    #expect(service.actions == [.scale(1, by: 1), .scale(2, by: 1)] && service.state.workerDelta == 1)
    service.becomeReady(2)
    service.handle(.scaleRequested(by: -1))
    #expect(service.actions == [.scale(2, by: -1)], "a draining one is not")
  }

  @Test func oneWorkerStays() {
    var service = Service()
    for _ in 0..<5 { service.handle(.scaleRequested(by: -1)) }
    #expect(service.state.workerDelta == -1, "of two")
    service.handle(.scaleRequested(by: 1))
    #expect(service.state.workerDelta == 0, "what went too far is not remembered")
  }

  @Test func thereIsRoomForSoMany() {
    var service = Service()
    service.state.generations[0].maxWorkers = 5
    service.handle(.scaleRequested(by: .max))
    #expect(service.state.workerDelta == 3)
    service.handle(.scaleRequested(by: .min))
    #expect(service.state.workerDelta == -1)
  }

  @Test func aReloadKeepsTheNumberAsFarAsItFits() {
    var service = Service()
    service.handle(.scaleRequested(by: 4))
    service.handle(.reloadRequested)
    service.state.generations[1].maxWorkers = 4
    service.becomeReady(2, workers: 1)
    #expect(service.state.workerDelta == 3)
  }

  @Test func workersWithoutAMasterStayAsTheyAre() {
    var service = Service()
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    service.handle(.scaleRequested(by: 1))
    #expect(service.deeds.isEmpty && service.state.workerDelta == 0 && service.logs.count == 1)
  }

  @Test func nothingChangesWhileTheServiceEnds() {
    var service = Service()
    service.handle(.shutdownRequested)
    service.handle(.scaleRequested(by: 1))
    #expect(service.actions.isEmpty && service.state.workerDelta == 0)
  }

  // MARK: `outriderctl scale`

  @Test func aCommandAsksForAChange() throws {
    var service = Service()
    service.state.generations[0].maxWorkers = 5
    service.state.workerDelta = 1
    #expect(try service.state.change(of: .to(5)) == 2 && service.state.change(of: .to(3)) == 0)
    #expect(try service.state.change(of: .by(-2)) == -2 && service.state.change(of: .by(2)) == 2)
  }

  private func refusal(_ state: ServiceState, _ scale: ControlCommand.Scale) -> String? {
    do throws(ControlCommandError) {
      _ = try state.change(of: scale)
      return nil
    } catch {
      return error.reason
    }
  }

  @Test func aCommandOutOfRangeIsRefused() {
    var service = Service()
    service.state.generations[0].maxWorkers = 5
    for scale in [ControlCommand.Scale.by(-2), .by(.min), .to(0)] {
      #expect(refusal(service.state, scale) == "scale: at least one worker has to stay, and there are 2")
    }
    for scale in [ControlCommand.Scale.by(4), .by(.max), .to(6)] {
      #expect(refusal(service.state, scale)?.contains("has room for 5 workers") == true)
    }
    service.masterEnds(1, .killed(11), leavingWorkers: true)
    #expect(refusal(service.state, .by(1))?.contains("no master") == true)
    #expect(refusal(ServiceState(), .to(1)) == "scale: no generation serves")
  }

  // MARK: The watchdog

  @Test func aWorkerIsFreshWhileItsLoopTurns() {
    func isFresh(_ busySince: UInt64, limit: UInt64 = 8, since start: UInt64 = 0) -> Bool {
      GenerationScoreboard.isFresh(busySince: busySince, limit: limit, since: start, now: 100)
    }
    #expect(isFresh(92) && !isFresh(91) && isFresh(0) && isFresh(1, limit: 0))
    #expect(isFresh(1, since: 95), "the supervisor has stood still")
    #expect(isFresh(200), "another processor's clock may be ahead")
  }

  @Test func theWatchdogAsksWorkersOnlyWhileTheServiceServes() {
    var service = Service(serving: false)
    service.handle(.begun)
    #expect(service.state.isAlive { _ in false }, "it starts")
    service.becomeReady(1)
    #expect(!service.state.isAlive { _ in false } && service.state.isAlive { $0.number == 1 })
    service.handle(.shutdownRequested)
    #expect(service.state.isAlive { _ in false }, "it ends")
  }
}
