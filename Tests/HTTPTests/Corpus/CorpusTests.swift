import HTTP
import Testing

/// The engine reads each case of Tests/Corpus as it is written there, however its bytes are cut.
@Suite struct CorpusTests {
  @Test func isThere() throws {
    let cases = try CorpusCase.read()
    #expect(cases.count >= 170)
    #expect(Set(cases.map(\.testDescription)).count == cases.count)
  }

  @Test(arguments: CorpusCase.all)
  func isReadAsWritten(_ one: CorpusCase) throws {
    let reading = Split.whole.read(one.bytes, limits: one.limits, underscores: one.underscores)
    #expect(CallStatus(reading, where: one.expect.requests) == CallStatus(one))
  }

  @Test(arguments: CorpusCase.all)
  func isReadAlikeInEverySplit(_ one: CorpusCase) {
    let whole = Split.whole.read(one.bytes, limits: one.limits, underscores: one.underscores)
    let splits = [Split.bytes] + (0..<8).map { .random(seed: $0) }
    for split in splits {
      #expect(split.read(one.bytes, limits: one.limits, underscores: one.underscores) == whole, "\(split)")
    }
  }

  /// What the data says is decided by it alone.
  @Test(arguments: CorpusCase.all)
  func isNotChangedByWhatFollows(_ one: CorpusCase) {
    let alone = Split.whole.read(one.bytes, limits: one.limits, underscores: one.underscores)
    for next in ["GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n", "\0\0\0\0"] {
      let more = Split.whole.read(one.bytes + latin1(next), limits: one.limits, underscores: one.underscores)
      if case .waiting = alone.end {
        #expect(Array(more.requests.prefix(alone.requests.count)) == alone.requests)
      } else {
        #expect(more == alone)
      }
    }
  }

  /// Those that the bytes of an HTTP/1 connection can bring about by themselves: without a proxy, a mount, a clock, a
  /// plugin, an allow list, TLS.
  @Test func hasEveryRefusal() {
    let others: Set<Refusal> = [
      .truncatedBody, .malformedProxyHeader, .untrustedProxy,
      .noSuchMount, .headTimeout, .bodyTimeout, .belowMinimumRate, .handlerFailed, .handlerTimedOut,
      .handlerUnavailable,
      .pluginPaused, .requestTimeout, .plainHTTPOverTLS, .failedHandshake, .handshakeTimeout,
      .connectionField, .conflictingHost, .malformedPreface, .malformedFrame, .frameOnClosedStream,
      .headerListTooLarge, .resetFlood, .provokedResetFlood, .settingsFlood, .pingFlood, .priorityFlood,
      .emptyFrameFlood, .windowUpdateFlood, .continuationFlood, .stalledStream, .headsTooLarge,
      .keyUpdateFlood, .gracefulTimeout, .serverStopped, .forbiddenOrigin,
    ]
    let provoked = Set(CorpusCase.all.compactMap(\.expect.refusal))
    #expect(provoked == Set(Refusal.allCases.filter { !others.contains($0) }.map { "\($0)" }))
  }
}

/// What a client sees of a reading, in the terms of the corpus.
private struct CallStatus: Equatable {
  private var requests: [ReadRequest]
  private var refusal: String?
  private var status: UInt32?
  private var closes: Bool
  private var midway = false

  init(_ one: CorpusCase) {
    requests = one.expect.requests ?? []
    refusal = one.expect.refusal
    status = one.expect.status
    closes = one.closes
  }

  /// - Parameter expected: what the case says of each request; the rest is left out.
  init(_ reading: Reading, where expected: [ReadRequest]?) {
    requests = reading.requests
    for (index, expected) in (expected ?? []).enumerated() where index < requests.count {
      requests[index] = requests[index].reduced(to: expected)
    }
    closes = true
    switch reading.end {
    case .waiting(let midway): (closes, self.midway) = (false, midway)
    case .refused(let refusal): (self.refusal, status) = ("\(refusal)", refusal.status)
    case .closed: break
    }
  }
}
