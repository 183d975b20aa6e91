import Platform
import Testing

@testable import Supervisor

/// What a master may say, by how far it has come.
@Suite struct MasterTalkTests {
  private static let now = 1000 * Clock.nanosecondsPerSecond

  private func hear(
    _ talk: inout MasterTalk, _ kind: MasterMessage, _ text: String = "", descriptor: Bool = false
  ) -> MasterTalk.Verdict {
    talk.hear(kind.rawValue, text, hasDescriptor: descriptor, now: Self.now)
  }

  private func isFault(_ verdict: MasterTalk.Verdict) -> Bool { if case .fault = verdict { true } else { false } }

  /// One that has come so far.
  private func talk(_ stage: MasterTalk.Stage) -> MasterTalk {
    var talk = MasterTalk()
    if stage != .settings { #expect(hear(&talk, .configured) == .believed) }
    if stage == .sealed { #expect(hear(&talk, .sealed) == .believed) }
    return talk
  }

  @Test func theUsualStart() {
    var talk = MasterTalk()
    for (kind, descriptor) in [
      (MasterMessage.setting, false), (.setting, false), (.configured, false), (.listener, true), (.claim, false),
      (.scoreboard, true), (.configuration, true), (.sealed, false), (.step, false), (.worker, false),
      (.ticketKeys, false), (.plugin, false), (.ready, false), (.worker, false), (.leaving, false),
    ] {
      #expect(hear(&talk, kind, descriptor: descriptor) == .believed, "\(kind)")
    }
    #expect(hear(&talk, .setting, "scale=3") == .believed)
  }

  @Test(arguments: [MasterMessage.listener, .claim, .configured, .scoreboard, .configuration, .sealed, .setting])
  func whatDecidesSomethingEndsWithTheSeal(kind: MasterMessage) {
    for descriptor in [false, true] {
      var talk = talk(.sealed)
      #expect(isFault(hear(&talk, kind, "log.error=/etc/passwd", descriptor: descriptor)))
    }
  }

  @Test(arguments: [MasterMessage.ready, .worker, .plugin, .ticketKeys, .leaving])
  func whatGoesOnBeginsWithIt(kind: MasterMessage) {
    for stage in [MasterTalk.Stage.settings, .listeners] {
      var talk = talk(stage)
      #expect(isFault(hear(&talk, kind)))
    }
  }

  @Test(arguments: [MasterMessage.begin, .drain, .stop, .scale, .log, .retire])
  func theSupervisorsWordsAreNoMasters(kind: MasterMessage) {
    for stage in [MasterTalk.Stage.settings, .listeners, .sealed] {
      var talk = talk(stage)
      #expect(isFault(hear(&talk, kind)))
    }
  }

  @Test func nothingThatIsSealedHasADescriptor() {
    for number in UInt8.min...UInt8.max {
      var talk = talk(.sealed)
      #expect(isFault(talk.hear(number, "scale=1", hasDescriptor: true, now: Self.now)), "\(number)")
    }
  }

  @Test func whatIsSaidOnceIsSaidOnce() {
    var talk = talk(.sealed)
    #expect(hear(&talk, .ready) == .believed)
    #expect(isFault(hear(&talk, .ready)))
    #expect(isFault(hear(&talk, .plugin)), "the plugins are known by then")
    var restored = MasterTalk(isServing: true)
    #expect(isFault(hear(&restored, .ready)))
  }

  @Test func eachNumberHasABound() {
    var talk = talk(.listeners)
    for _ in 0..<MasterLimits.listeners { #expect(hear(&talk, .claim) == .believed) }
    #expect(isFault(hear(&talk, .claim)))
    var unknown = self.talk(.sealed)
    for _ in 0..<MasterLimits.unknown {
      #expect(unknown.hear(0xEE, "", hasDescriptor: false, now: Self.now) == .ignored)
    }
    #expect(isFault(unknown.hear(0xEE, "", hasDescriptor: false, now: Self.now)))
  }

  @Test func aFloodIsAFault() {
    var talk = talk(.sealed)
    var believed = 0
    while hear(&talk, .step) == .believed { believed += 1 }
    #expect((MasterLimits.burst - 8...MasterLimits.burst).contains(believed))
    // Time makes up for it, as far as there is room for.
    let later = Self.now + Clock.nanosecondsPerSecond
    #expect(talk.hear(MasterMessage.step.rawValue, "", hasDescriptor: false, now: later) == .believed)
    #expect(talk.hear(MasterMessage.step.rawValue, "", hasDescriptor: false, now: .max) == .believed)
    #expect(talk.hear(MasterMessage.step.rawValue, "", hasDescriptor: false, now: 0) == .believed, "clocks too")
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
