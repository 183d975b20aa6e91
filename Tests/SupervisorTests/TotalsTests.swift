import HTTP
import Platform
import Testing

@testable import Supervisor

/// What workers have counted, summed up and handed on.
@Suite struct TotalsTests {
  /// A scoreboard of two workers, of which each has counted something.
  private func board(_ plugins: [String], slots: Int = 8, refusals: Int = Refusal.allCases.count) throws -> Scoreboard {
    let board = try Scoreboard(
      ScoreboardLayout(slots: slots, plugins: plugins.count, threads: 1, refusals: refusals), names: plugins)
    for number in [0, slots - 1] {
      let slot = board.slot(number)
      slot.renew()
      slot.add(.requests, 3)
      slot.countRefusal(0)
      slot.plugin(0).durations.record(5_000_000)
    }
    board.countRestart(.crashed)
    return board
  }

  /// Each is one record for the next program, whatever a plugin has written where its name stood.
  @Test func namesStayOnTheirLines() throws {
    var totals = Totals()
    totals.add(try board(["x\naccess-log /etc/passwd\n", "a\\nb"]))
    #expect(totals.savedLines.allSatisfy { !$0.contains("\n") })
    var restored = Totals()
    for line in totals.savedLines.dropFirst() { restored.restore(plugin: StateText.Record(Substring(line))) }
    #expect(restored.plugins.map(\.name) == ["x\naccess-log /etc/passwd\n", "a\\nb"])
  }

  @Test func allSlotsCount() throws {
    var totals = Totals()
    totals.add(try board(["a", "b"]))
    #expect(totals.count(.requests) == 6)
    #expect(totals.count(RestartCause.crashed) == 1 && totals.count(RestartCause.hung) == 0)
    #expect(totals.count(Refusal.allCases[0]) == 2 && totals.otherRefusals == 0)
    #expect(totals.plugins.map(\.name) == ["a", "b"])
    #expect(totals.plugins[0].durations.count == 2 && totals.plugins[0].durations.sum == 10_000_000)
    #expect(totals.plugins[1].durations.count == 0)
  }

  @Test func generationsAddUpByName() throws {
    var totals = Totals()
    totals.add(try board(["a"]))
    totals.add(try board(["b", "a"]))
    #expect(totals.count(.requests) == 12)
    #expect(totals.plugins.map(\.name) == ["a", "b"])
    #expect(totals.plugins.map(\.durations.count) == [2, 2])
  }

  @Test func refusalsOfAnotherVersionAreOthers() throws {
    var totals = Totals()
    totals.add(try board(["a"], refusals: Refusal.allCases.count + 1))
    #expect(totals.otherRefusals == 2 && totals.count(Refusal.allCases[0]) == 0)
  }

  @Test func theyOutliveAnExec() throws {
    var totals = Totals()
    totals.add(try board(["a b", "ä"]))
    totals.add(try board(["c"], refusals: 1))
    var restored = Totals()
    for (index, line) in totals.savedLines.enumerated() {
      let record = StateText.Record(Substring(line))
      if index == 0 { restored.restore(record) } else { restored.restore(plugin: record) }
    }
    #expect(restored == totals)
  }

  @Test(arguments: ["", "x", "-1", "3 1 2", "9999999 1", "18446744073709551615"])
  func whatHasAnotherFormIsNothing(line: String) {
    var totals = Totals()
    totals.restore(StateText.Record(Substring(line)))
    #expect(totals == Totals())
  }
}
