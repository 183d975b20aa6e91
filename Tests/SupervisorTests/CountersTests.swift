import HTTP
import IPC
import Platform
import Testing

@testable import Supervisor

/// What workers have counted, summed up and handed on.
@Suite struct CountersTests {
  /// A scoreboard of two workers, of which each has counted something.
  private func board(_ plugins: [String], slots: Int = 8, refusals: Int = Refusal.allCases.count) throws -> Scoreboard {
    let board = try Scoreboard(
      ScoreboardLayout(slots: slots, plugins: plugins.count, threads: 1, refusals: refusals), names: plugins)
    for number in [0, slots - 1] {
      let slot = board.slot(number)
      slot.resetForNextWorker()
      slot.add(.requests, 3)
      slot.countRefusal(0)
      slot.plugin(0).durations.record(5_000_000)
      slot.webSockets.add(.opened, 3)
      slot.webSockets.add(.bytesSent, 100)
      slot.webSockets.addClose(1000)
      slot.webSockets.addClose(4321)
    }
    board.countRestart(.crashed)
    return board
  }

  /// Each is one record for the next program, whatever a plugin has written where its name stood.
  @Test func namesStayOnTheirLines() throws {
    var counters = Counters()
    counters.add(try board(["x\naccess-log /etc/passwd\n", "a\\nb"]))
    let restored = try restored(counters)
    #expect(restored.plugins.map(\.name) == ["x\naccess-log /etc/passwd\n", "a\\nb"])
  }

  @Test func allSlotsCount() throws {
    var counters = Counters()
    counters.add(try board(["a", "b"]))
    #expect(counters.count(.requests) == 6)
    #expect(counters.count(RestartCause.crashed) == 1 && counters.count(RestartCause.hung) == 0)
    #expect(counters.count(Refusal.allCases[0]) == 2 && counters.otherRefusals == 0)
    #expect(counters.plugins.map(\.name) == ["a", "b"])
    #expect(counters.plugins[0].durations.count == 2 && counters.plugins[0].durations.sum == 10_000_000)
    #expect(counters.plugins[1].durations.count == 0)
  }

  @Test func webSocketsAreCountedByTheirCode() throws {
    let board = try board(["a"])
    var (counters, gauges) = (Counters(), Gauges())
    counters.add(board)
    gauges.add(board, [0, 7])
    // The master has not said that the workers are running.
    #expect(gauges.webSockets == 0)
    for number in [0, 7] { board.slot(number).state = .ready }
    gauges.add(board)
    #expect(gauges.webSockets == 2 && counters.webSockets(.opened) == 6 && counters.webSockets(.bytesSent) == 200)
    let codes = WebSocketCells.codes
    let normal = try #require(codes.firstIndex(of: 1000))
    let lost = try #require(codes.firstIndex(of: 1006))
    #expect(counters.closes(normal) == 2 && counters.closes(codes.count) == 2 && counters.closes(lost) == 0)
    #expect(board.slot(0).webSockets.lostText == "lost with it: 1 WebSocket")
    board.slot(0).closeOpenCounts()
    #expect(board.slot(0).webSockets.open == 0 && board.slot(0).webSockets.lostText == nil)
    var later = Counters()
    later.add(board)
    #expect(later.closes(lost) == 1)
  }

  /// A worker writes what it likes.
  @Test func webSocketsThatNobodyOpened() throws {
    let board = try board(["a"])
    for _ in 0..<5 { board.slot(0).webSockets.addClose(1001) }
    #expect(board.slot(0).webSockets.open == 0)
    board.slot(0).webSockets.add(.opened, 1 << 40)
    #expect(board.slot(0).webSockets.lostText == nil)
  }

  @Test func generationsAddUpByName() throws {
    var counters = Counters()
    counters.add(try board(["a"]))
    counters.add(try board(["b", "a"]))
    #expect(counters.count(.requests) == 12)
    #expect(counters.plugins.map(\.name) == ["a", "b"])
    #expect(counters.plugins.map(\.durations.count) == [2, 2])
  }

  @Test func refusalsOfAnotherVersionAreOthers() throws {
    var counters = Counters()
    counters.add(try board(["a"], refusals: Refusal.allCases.count + 1))
    #expect(counters.otherRefusals == 2 && counters.count(Refusal.allCases[0]) == 0)
  }

  private func shownComplete(_ state: inout ServiceState, _ board: borrowing Scoreboard) -> UInt64 {
    var counters = state.pastCounters
    counters.add(board)
    state.pastCounters.noteShown(counters)
    return counters.count(.complete)
  }

  /// A worker is read after it has counted how a request ended, and before it has counted the request.
  @Test func completeRequestsNeverBecomeFewer() throws {
    let counted = try board(["a"])
    let slot = counted.slot(0)
    var state = ServiceState()
    slot.plugin(0).ended(method: 0, status: 200)
    #expect(shownComplete(&state, counted) == 1)
    slot.addOutcome(Int(RequestOutcome.timeout.rawValue))
    #expect(shownComplete(&state, counted) == 1)
    slot.plugin(0).ended(method: 0, status: 504)
    #expect(shownComplete(&state, counted) == 1)
    slot.plugin(0).ended(method: 0, status: 200)
    #expect(shownComplete(&state, counted) == 2)
  }

  @Test func theyOutliveAnExec() throws {
    var counters = Counters()
    counters.add(try board(["a b", "ä"]))
    counters.add(try board(["c"], refusals: 1))
    var later = counters
    later.add(try board(["d"]))
    counters.noteShown(later)
    #expect(try restored(counters) == counters)
  }

  /// What another program reads of them.
  private func restored(_ counters: Counters) throws -> Counters {
    var records = KeyedRecords()
    counters.save(to: &records)
    var restored = Counters()
    restored.restore(try #require(KeyedRecords(records.bytes)))
    return restored
  }

  @Test(arguments: [
    "", "x", "-1", "1 2", "18446744073709551616", "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
  ])
  func whatHasAnotherFormIsNothing(numbers: String) {
    var records = KeyedRecords()
    var fields = KeyedFields()
    for key in ["values", "refusals", "outcomes", "restarts", "queue_time", "hint_lead", "unassigned"] {
      fields.set(key, numbers)
    }
    records.append("counters", fields)
    records.append("plugin_counters", KeyedFields("responses", numbers))
    var counters = Counters()
    counters.restore(records)
    #expect(counters == Counters())
  }
}
