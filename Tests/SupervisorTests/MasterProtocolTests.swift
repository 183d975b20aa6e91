import IPC
import Platform
import Testing

@testable import Supervisor

/// What a master may say, by how far it has come.
@Suite struct MasterProtocolTests {
  private static let now = 1000 * Clock.nanosecondsPerSecond

  private func receive(
    _ masterProtocol: inout MasterProtocol, _ kind: MasterMessage, descriptor: Bool = false
  ) -> MasterProtocol.Verdict {
    masterProtocol.receive(kind.rawValue, hasDescriptor: descriptor, now: Self.now)
  }

  private func isFault(_ verdict: MasterProtocol.Verdict) -> Bool {
    if case .violation = verdict { true } else { false }
  }

  /// One that has come so far.
  private func masterProtocol(_ stage: MasterProtocol.Stage) -> MasterProtocol {
    var masterProtocol = MasterProtocol()
    if stage != .settings { #expect(receive(&masterProtocol, .configured) == .accepted) }
    if stage == .sealed { #expect(receive(&masterProtocol, .sealed) == .accepted) }
    return masterProtocol
  }

  @Test func theUsualStart() {
    var masterProtocol = MasterProtocol()
    for (kind, descriptor) in [
      (MasterMessage.setting, false), (.watch, false), (.setting, false), (.configured, false), (.listener, true),
      (.claim, false),
      (.scoreboard, true), (.configuration, true), (.sealed, false), (.step, false), (.worker, false),
      (.ticketKeys, false), (.plugin, false), (.ready, false), (.worker, false), (.paused, false),
      (.leaving, false),
    ] {
      #expect(receive(&masterProtocol, kind, descriptor: descriptor) == .accepted, "\(kind)")
    }
  }

  @Test(arguments: [
    MasterMessage.listener, .claim, .configured, .scoreboard, .configuration, .sealed, .setting, .watch,
  ])
  func whatDecidesSomethingEndsWithTheSeal(kind: MasterMessage) {
    for descriptor in [false, true] {
      var masterProtocol = masterProtocol(.sealed)
      #expect(isFault(receive(&masterProtocol, kind, descriptor: descriptor)))
    }
  }

  @Test(arguments: [MasterMessage.ready, .worker, .plugin, .paused, .ticketKeys, .leaving])
  func whatGoesOnBeginsWithIt(kind: MasterMessage) {
    for stage in [MasterProtocol.Stage.settings, .listeners] {
      var masterProtocol = masterProtocol(stage)
      #expect(isFault(receive(&masterProtocol, kind)))
    }
  }

  @Test(arguments: [MasterMessage.begin, .drain, .stop, .scale, .log, .retire])
  func theSupervisorsWordsAreNoMasters(kind: MasterMessage) {
    for stage in [MasterProtocol.Stage.settings, .listeners, .sealed] {
      var masterProtocol = masterProtocol(stage)
      #expect(isFault(receive(&masterProtocol, kind)))
    }
  }

  @Test func nothingThatIsSealedHasADescriptor() {
    for number in UInt8.min...UInt8.max {
      var masterProtocol = masterProtocol(.sealed)
      #expect(isFault(masterProtocol.receive(number, hasDescriptor: true, now: Self.now)), "\(number)")
    }
  }

  @Test func whatIsSaidOnceIsSaidOnce() {
    var masterProtocol = masterProtocol(.sealed)
    #expect(receive(&masterProtocol, .ready) == .accepted)
    #expect(isFault(receive(&masterProtocol, .ready)))
    #expect(isFault(receive(&masterProtocol, .plugin)), "the plugins are known by then")
    var restored = MasterProtocol(isServing: true)
    #expect(isFault(receive(&restored, .ready)))
  }

  @Test func eachNumberHasABound() {
    var masterProtocol = masterProtocol(.listeners)
    for _ in 0..<MasterLimits.listeners { #expect(receive(&masterProtocol, .claim) == .accepted) }
    #expect(isFault(receive(&masterProtocol, .claim)))
    var unknown = self.masterProtocol(.sealed)
    for _ in 0..<MasterLimits.unknown {
      #expect(unknown.receive(0xEE, hasDescriptor: false, now: Self.now) == .ignored)
    }
    #expect(isFault(unknown.receive(0xEE, hasDescriptor: false, now: Self.now)))
  }

  @Test func aFloodIsAFault() {
    var masterProtocol = masterProtocol(.sealed)
    var believed = 0
    while receive(&masterProtocol, .step) == .accepted { believed += 1 }
    #expect((MasterLimits.burst - 8...MasterLimits.burst).contains(believed))
    // Time makes up for it, as far as there is room for.
    let later = Self.now + Clock.nanosecondsPerSecond
    #expect(masterProtocol.receive(MasterMessage.step.rawValue, hasDescriptor: false, now: later) == .accepted)
    #expect(masterProtocol.receive(MasterMessage.step.rawValue, hasDescriptor: false, now: .max) == .accepted)
    #expect(
      masterProtocol.receive(MasterMessage.step.rawValue, hasDescriptor: false, now: 0) == .accepted, "clocks too")
  }
}

/// The form of what masters leave for the next.
@Suite struct TicketKeysTextTests {
  private static let key = String(repeating: "0af", count: 54)

  @Test func thoseOfMastersAreTaken() {
    #expect(TicketKeysText.isWellFormed("5 \(Self.key)\n", now: 5))
    #expect(TicketKeysText.isWellFormed("5 \(Self.key)\n4 \(Self.key)\n1 \(Self.key)\n", now: 5))
  }

  @Test(arguments: [
    "", "\n", "5\n", "5 \(key)", "6 \(key)\n", "-1 \(key)\n", "5 \(key)x\n", "5 \(key.uppercased())\n", "5  \(key)\n",
    "5 \(key)\n\n", "5 \(key) \n", "5 00\n", "18446744073709551616 \(key)\n",
    String(repeating: "1 \(key)\n", count: 9), "5 \(String(repeating: "0", count: 2000))\n",
  ])
  func anythingElseIsNot(text: String) { #expect(!TicketKeysText.isWellFormed(text, now: 5)) }
}
