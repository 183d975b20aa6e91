import HTTP
import Platform
import Testing

@testable import Workers

/// What a request leaves in the scoreboard: in a scoreboard of its own, without worker and process.
final class RequestAccountingTests {
  private let scoreboard: Scoreboard
  private let accounting: RequestAccounting

  init() throws {
    let scoreboard = try Scoreboard(
      ScoreboardLayout(slots: 1, plugins: 2, threads: 1, refusals: Refusal.allCases.count), names: ["one", "two"])
    accounting = RequestAccounting(slot: scoreboard.slot(0), plugins: 2)
    self.scoreboard = scoreboard
  }

  private var slot: ScoreboardSlot { accounting.slot }

  @Test(arguments: [false, true]) func aRequestIsCountedForItsPlugin(shared: Bool) {
    accounting.ended(plugin: 1, method: 2, status: 404, 1_000_000, flight: nil, shared: shared)
    accounting.ended(plugin: 1, method: 2, status: 404, 1_000_000, flight: nil, shared: shared)
    #expect(slot.count(.requestsEnded) == 2)
    #expect(slot.plugin(1).count(method: 2, class: 3) == 2)
    #expect(slot.plugin(0).count(method: 2, class: 3) == 0)
  }

  @Test func aRequestWithoutPluginIsCountedBehindThem() {
    accounting.ended(plugin: -1, method: 0, status: 404, 1, flight: nil, shared: false)
    accounting.headRefused(status: 400)
    #expect(slot.plugin(2).count(method: 0, class: 3) == 1)
    #expect(slot.plugin(2).count(method: PluginCells.otherMethod, class: 3) == 1)
    // What was refused before it began has not ended either.
    #expect(slot.count(.requestsEnded) == 1)
  }

  @Test(arguments: [false, true]) func theBytesOfAConnectionAreCountedOnce(shared: Bool) {
    var connection = ConnectionRecord(slot: 0)
    connection.received = 100
    accounting.moved(on: &connection, shared: shared)
    accounting.moved(on: &connection, shared: shared)
    connection.received &+= 50
    accounting.moved(on: &connection, shared: shared)
    #expect(slot.count(.bytesReceived) == 150 && slot.count(.bytesSent) == 0)
  }

  @Test func theOutcomeOfWhatHasNoOther() {
    #expect(RequestOutcome(isCut: true, lostBytes: 0, status: 200, hasBegun: true) == .truncated)
    #expect(RequestOutcome(isCut: false, lostBytes: 1, status: 200, hasBegun: true) == .truncated)
    #expect(RequestOutcome(isCut: false, lostBytes: 0, status: 0, hasBegun: true) == .clientGone)
    // A client that connects and leaves has asked for nothing.
    #expect(RequestOutcome(isCut: false, lostBytes: 0, status: 0, hasBegun: false) == .complete)
    #expect(RequestOutcome(isCut: false, lostBytes: 0, status: 200, hasBegun: true) == .complete)
    #expect(RequestOutcome(isCut: false, lostBytes: 0, status: 400, hasBegun: false) == .complete)
  }
}
