import IPC
import Platform
import Testing

@testable import Workers

@Suite struct DrainingTests {
  private let second = Clock.nanosecondsPerSecond
  private let start = 1000 * Clock.nanosecondsPerSecond

  private func draining(_ timeout: UInt64) throws -> Draining {
    Draining(timeout: timeout, cutWake: try WakeDescriptor())
  }

  @Test func requestsHaveNineTenthsOfTheTime() throws {
    var draining = try draining(10 * second)
    holds(draining.stage == .serving && !draining.isOver(start, isIdle: true))
    holds(draining.begin(start, leaveBy: 0, watched: (0, 0)))
    holds(!draining.begin(start, leaveBy: 0, watched: (0, 0)))
    holds(draining.deadline == start + 10 * second)
    holds(!draining.isCutDue(start + 9 * second - 1))
    holds(draining.isCutDue(start + 9 * second))
    draining.cut()
    holds(!draining.isCutDue(start + 9 * second))
    holds(!draining.isOver(start + 9 * second, isIdle: false))
    holds(draining.isOver(start + 9 * second + second / 2, isIdle: false))
  }

  @Test func theSharesOfThePluginsAreBounded() {
    holds(Draining.requestsDeadline(leaveBy: 100 * second, 100 * second) == 97 * second)
    holds(Draining.lastRequestsDeadline(leaveBy: 100 * second, 100 * second) == 98 * second + second / 2)
    holds(Draining.requestsDeadline(leaveBy: second / 100, 100 * second) == 0)
  }

  @Test func anIdleWorkerIsDoneAtOnce() throws {
    var draining = try draining(10 * second)
    _ = draining.begin(start, leaveBy: 0, watched: (0, 0))
    holds(draining.isOver(start + 1, isIdle: true))
    holds(!draining.isOver(start + 1, isIdle: false))
  }

  @Test func aWorkerThatIsToStopWaitsForNobody() throws {
    var draining = try draining(10 * second)
    draining.stop()
    holds(draining.isOver(start, isIdle: false))
    holds(draining.refusal == .serverStopped)
    holds(draining.threadsDeadline(start) < start + second)
  }

  @Test func theMastersMomentCounts() throws {
    var draining = try draining(10 * second)
    _ = draining.begin(start, leaveBy: start + 5 * second, watched: (0, 0))
    holds(draining.deadline == start + 5 * second)
  }

  @Test func aStandstillLengthensTheTime() throws {
    var draining = try draining(10 * second)
    _ = draining.begin(start, leaveBy: 0, watched: (0, 0))
    draining.update(leaveBy: 0, masterTurn: 0, standstill: 3 * second)
    holds(draining.deadline == start + 13 * second)
  }

  /// The master, delayed by the machine, postpones the exit later than the worker wakes up.
  @Test func aStandstillEndsWhenTheMasterHasSeenIt() throws {
    var draining = try draining(5 * second)
    let exit = start + 5 * second
    _ = draining.begin(start, leaveBy: exit, watched: (0, 0))
    draining.plan(start, turnBegan: start, begun: 0, hasMaster: true)
    let resumed = start + 9 * second
    holds(draining.awake(resumed, begun: 0, hasMaster: true) > 8 * second)
    for (passed, masterTurn) in [(0, start), (second, start), (2 * second, start), (2 * second + 1, resumed + second)] {
      let leaveBy = masterTurn > resumed ? exit + 9 * second : exit
      draining.update(leaveBy: leaveBy, masterTurn: masterTurn, standstill: 0)
      holds(!draining.isCutDue(resumed + passed))
    }
    holds(draining.isCutDue(exit + 9 * second))
  }

  /// The process was stopped in the turn that began to drain, after it had read the clock.
  @Test func aStandstillWithinATurnIsSeen() throws {
    var draining = try draining(5 * second)
    let exit = start + 5 * second
    _ = draining.begin(start, leaveBy: exit, watched: (0, 0))
    let resumed = start + 9 * second
    draining.plan(resumed, turnBegan: start, begun: 0, hasMaster: true)
    holds(draining.awake(resumed + 1, begun: 0, hasMaster: true) == 0)
    draining.update(leaveBy: exit, masterTurn: start, standstill: 0)
    holds(!draining.isCutDue(resumed + 2 * second))
    draining.update(leaveBy: exit + 9 * second, masterTurn: resumed + second, standstill: 0)
    holds(!draining.isCutDue(resumed + 3 * second))
    holds(draining.isCutDue(exit + 9 * second))
  }

  /// A plugin may take long in every turn: its master, which did not stand still, is followed.
  @Test func slowTurnsPostponeTheEndOnce() throws {
    var draining = try draining(5 * second)
    let exit = start + 5 * second
    _ = draining.begin(start, leaveBy: exit, watched: (0, 0))
    var cutAt: UInt64?
    for turn in 1...8 {
      let began = start + UInt64(turn - 1) * second
      draining.update(leaveBy: exit, masterTurn: began, standstill: 0)
      if cutAt == nil && draining.isCutDue(began) { cutAt = began }
      draining.plan(began + second, turnBegan: began, begun: UInt64(turn), hasMaster: true)
    }
    holds(cutAt == start + 5 * second)
  }

  @Test func aMasterThatSawNoStandstillIsFollowed() throws {
    var grace = StandstillGrace()
    grace.begin(start, hasMaster: true)
    grace.update(masterTurn: start - 1)
    holds(grace.end > start + 2 * second)
    grace.update(masterTurn: start + 1)
    holds(grace.end < start + second)
    grace.begin(start, hasMaster: false)
    holds(grace.end < start + second)
  }
}

@Suite struct RecyclingTests {
  @Test func aWorkerAsksOnceToBeReplaced() {
    var recycling = Recycling(lifetime: 3)
    for _ in 0..<2 {
      recycling.begun += 1
      holds(!recycling.takeDue())
    }
    recycling.begun += 1
    holds(recycling.takeDue())
    recycling.begun += 1
    holds(!recycling.takeDue())
  }

  @Test func withoutAMasterNobodyIsAsked() {
    var recycling = Recycling(lifetime: 1)
    recycling.stop()
    recycling.begun += 5
    holds(!recycling.takeDue())
  }
}

@Suite struct PausedPluginsTests {
  private let second = Clock.nanosecondsPerSecond

  @Test func aPauseEndsByItself() {
    let paused = PausedPlugins(ends: [0, 10 * second])
    holds(!paused.isPaused(0, at: second))
    holds(paused.isPaused(1, at: second))
    holds(!paused.isPaused(1, at: 10 * second))
    holds(!paused.isPaused(7, at: second))
  }

  @Test func clientsAreToldWhenItIsOver() {
    let paused = PausedPlugins(ends: [10 * second])
    holds(paused.secondsLeft(0, at: 8 * second + 1) == 2)
    holds(paused.secondsLeft(0, at: 11 * second) == 1)
  }

  @Test func theMastersWordIsTakenIfItMakesSense() {
    var paused = PausedPlugins(ends: [0, 0])
    paused.add(PluginPause(plugin: 1, until: 5 * second))
    holds(paused.isPaused(1, at: second) && !paused.isPaused(0, at: second))
    paused.add(PluginPause(plugin: 9, until: 99))
    for text in [
      "", "plugin=1\n", "plugin=-1\nuntil=5\n", "plugin=1\nuntil=x\n", "plugin=18446744073709551615\nuntil=1\n",
    ] {
      let pause = KeyedFields(Array(text.utf8)).flatMap { PluginPause($0) }
      holds(pause == nil)
    }
    holds(!paused.isPaused(0, at: 0))
    // A plugin that is trusted again.
    paused.add(PluginPause(plugin: 1, until: 0))
    holds(!paused.isPaused(1, at: second))
  }
}
