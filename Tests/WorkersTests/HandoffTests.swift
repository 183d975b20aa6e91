import Platform
import Synchronization
import Testing

@testable import Workers

@Suite struct HandoffTests {
  @Test func aReturnOnAQuietConnectionWakesNobody() {
    let handoff = Handoff()
    handoff.begin(notifies: false)
    holds(!handoff.isReturned)
    holds(!handoff.handBack())
    holds(handoff.isReturned && handoff.isReturnedSilently)
    // What happens on the connection afterwards finds it.
    holds(handoff.notifyOnReturn())
  }

  @Test func aReturnAfterSomethingHasHappenedWakesTheLoop() {
    let handoff = Handoff()
    handoff.begin(notifies: false)
    holds(!handoff.notifyOnReturn())
    holds(handoff.handBack())
    holds(!handoff.isReturnedSilently)
  }

  @Test func whatHasComeBeforeCountsToo() {
    let handoff = Handoff()
    handoff.begin(notifies: true)
    holds(handoff.handBack())
  }

  @Test func aNewHandoffKnowsNothingOfTheLast() {
    let handoff = Handoff()
    handoff.begin(notifies: true)
    _ = handoff.handBack()
    handoff.begin(notifies: false)
    holds(!handoff.isReturned)
    holds(!handoff.handBack())
  }

  /// Only the second of the two acts.
  @Test func ofLoopAndThreadExactlyOneGoesOn() throws {
    final class Shared: Sendable {
      let handoff = Handoff()
      let round = Atomic<Int>(0)
      let done = Atomic<Int>(0)
      let woken = Atomic<Int>(0)
    }
    let shared = Shared()
    let rounds = 20_000
    let thread = try Thread.start("test") {
      for round in 1...rounds {
        while shared.round.load(ordering: .acquiring) < round {}
        if shared.handoff.handBack() { shared.woken.add(1, ordering: .relaxed) }
        shared.done.store(round, ordering: .releasing)
      }
    }
    var acted = 0
    for round in 1...rounds {
      shared.handoff.begin(notifies: false)
      shared.round.store(round, ordering: .releasing)
      if shared.handoff.notifyOnReturn() { acted += 1 }
      while shared.done.load(ordering: .acquiring) < round {}
    }
    thread.join()
    holds(acted + shared.woken.load(ordering: .relaxed) == rounds)
  }
}
