import Testing

@testable import Workers

@Suite struct ConnectionPhaseTests {
  private let events: [ConnectionEvent] = [
    .accepted, .proxyHeaderAwaited, .proxyHeaderRead, .handshakeBegan, .handshakeDone, .http2Chosen, .headBegan,
    .headComplete, .handedOff, .returned, .responseQueued, .bodyLeft, .requestOver, .protocolSwitched, .lastQueued,
    .sideEnded, .closed,
  ]

  private func walk(_ events: [ConnectionEvent]) -> ConnectionPhase? {
    events.reduce(ConnectionPhase.free) { phase, event in phase?.next(after: event) }
  }

  @Test func aRequestGoesRoundAndTheNextBegins() {
    #expect(walk([.accepted, .headComplete, .requestOver, .headBegan, .headComplete]) == .exchange)
    #expect(walk([.accepted, .headComplete, .responseQueued, .bodyLeft, .requestOver]) == .idle)
  }

  @Test func aProxyHeaderComesBeforeTLSAndThatBeforeHTTP2() {
    #expect(walk([.accepted, .proxyHeaderAwaited, .handshakeBegan, .handshakeDone, .http2Chosen]) == .http2)
    #expect(walk([.accepted, .handshakeBegan, .proxyHeaderAwaited]) == nil)
  }

  @Test func aThreadReturnsWhatItWasGiven() {
    #expect(walk([.accepted, .headComplete, .handedOff, .returned]) == .exchange)
    #expect(walk([.accepted, .headComplete, .handedOff, .lastQueued]) == nil)
  }

  @Test func aProtocolIsSwitchedByARequestAlone() {
    #expect(walk([.accepted, .headComplete, .protocolSwitched]) == .upgraded)
    for phase in ConnectionPhase.allCases where phase != .exchange {
      #expect(phase.next(after: .protocolSwitched) == nil)
    }
  }

  /// Nothing but a new client brings a closed connection back.
  @Test func onlyAcceptingLeavesTheFreePhase() {
    for event in events {
      if case .accepted = event { continue }
      #expect(ConnectionPhase.free.next(after: event) == nil)
    }
  }

  @Test func everyOpenPhaseCanCloseAndIsReached() {
    var reached: Set<ConnectionPhase> = [.free]
    while true {
      var next = reached
      for phase in reached { next.formUnion(events.compactMap { phase.next(after: $0) }) }
      if next == reached { break }
      reached = next
    }
    #expect(reached == Set(ConnectionPhase.allCases))
    for phase in ConnectionPhase.allCases where phase != .free { #expect(phase.next(after: .closed) == .free) }
  }

  @Test func theLastResponseEndsEachPhaseThatTheLoopHas() {
    for phase in ConnectionPhase.allCases where phase.isOnLoop && phase != .lingering {
      #expect(phase.next(after: .lastQueued) == .closing)
    }
    #expect(ConnectionPhase.lingering.next(after: .lastQueued) == nil)
  }

  @Test func whatIsCutDependsOnThePhase() {
    #expect(CutAction(.idle, hasOutput: false) == .close)
    #expect(CutAction(.idle, hasOutput: true) == .finish)
    #expect(CutAction(.head, hasOutput: false) == .refuse)
    #expect(CutAction(.exchange, hasOutput: true) == .refuseExchange)
    #expect(CutAction(.ownedByThread, hasOutput: false) == .refuseHandedOff)
    #expect(CutAction(.sending, hasOutput: true) == .serveNoMore)
    #expect(CutAction(.lingering, hasOutput: false) == .none)
  }
}

@Suite struct ResponseEndTests {
  private func end(
    closes: Bool = false, isHalfClosed: Bool = false, hasInput: Bool = false, bodyEnded: Bool = true,
    isClientsWish: Bool = false
  ) -> ResponseEnd {
    ResponseEnd(
      closes: closes, isHalfClosed: isHalfClosed, bodyEnded: bodyEnded, hasInput: hasInput,
      isClientsWish: isClientsWish)
  }

  @Test func aKeptConnectionServesTheNextRequestOnceTheBodyIsRead() {
    #expect(end() == .nextRequest)
    #expect(end(bodyEnded: false) == .discardBody)
  }

  /// A client that sends no more may have sent other requests before.
  @Test func aHalfClosedConnectionServesWhatHasCome() {
    #expect(end(isHalfClosed: true, hasInput: true) == .nextRequest)
    #expect(end(isHalfClosed: true) == .close(lingers: true))
  }

  @Test func oneThatTheClientWantsClosedLingersOnlyForUnreadBytes() {
    #expect(end(closes: true, isClientsWish: true) == .close(lingers: false))
    #expect(end(closes: true, hasInput: true, isClientsWish: true) == .close(lingers: true))
    #expect(end(closes: true, bodyEnded: false, isClientsWish: true) == .close(lingers: true))
    #expect(end(closes: true) == .close(lingers: true))
  }
}

@Suite struct ClosingStepTests {
  @Test func aResetComesBeforeAllElse() {
    #expect(ClosingStep.next([.resets, .lingers], awaitsRest: false, hasTLS: true) == .reset)
  }

  @Test func tlsEndsBeforeTheConnection() {
    #expect(ClosingStep.next([.lingers], awaitsRest: false, hasTLS: true) == .endTLS)
    #expect(ClosingStep.next([.lingers], awaitsRest: false, hasTLS: false) == .linger)
  }

  @Test func whoHasSentAllIsNotWaitedFor() {
    #expect(ClosingStep.next([.lingers, .peerClosed], awaitsRest: false, hasTLS: false) == .close)
    #expect(ClosingStep.next([.lingers, .peerClosed, .readable], awaitsRest: false, hasTLS: false) == .linger)
    #expect(ClosingStep.next([], awaitsRest: false, hasTLS: false) == .close)
    #expect(ClosingStep.next([.lingers], awaitsRest: true, hasTLS: true) == .linger)
    #expect(ClosingStep.next([.lingers, .resets], awaitsRest: true, hasTLS: false) == .reset)
  }
}
