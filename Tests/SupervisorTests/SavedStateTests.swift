import IPC
import Platform
import Testing

@testable import Supervisor

/// What a supervisor leaves to its successor.
@Suite struct SavedStateTests {
  /// What another program reads of these records.
  private func read(_ records: KeyedRecords) throws -> KeyedRecords { try #require(KeyedRecords(records.bytes)) }

  @Test func theServiceComesBack() throws {
    var state = ServiceState()
    state.generationCount = 7
    state.workerDelta = -2
    state.restartAt = 12
    state.reloadIsWanted = true
    state.restarts[.killed] = 3
    state.reloads.failed = 4
    state.ticketKeys = "5 0af\n"
    var fields = KeyedFields()
    state.save(to: &fields)
    var restored = ServiceState()
    restored.restore(try #require(KeyedFields(fields.bytes)))
    #expect(restored.generationCount == 7 && restored.workerDelta == -2 && restored.restartAt == 12)
    #expect(restored.reloadIsWanted && restored.restarts[.killed] == 3 && restored.restarts[.exited] == 0)
    #expect(restored.reloads.failed == 4 && restored.reloads.succeeded == 0 && restored.ticketKeys == "5 0af\n")
  }

  @Test(arguments: ["", "x", "9223372036854775807", "-9223372036854775808", "18446744073709551616"])
  func numbersAreBounded(number: String) {
    var fields = KeyedFields()
    for key in [
      "generation_count", "worker_delta", "restart_at", "reload_wanted", "restarts.exited", "reloads.succeeded",
      "reloads.failed",
    ] { fields.set(key, number) }
    var state = ServiceState()
    state.restore(fields)
    #expect(state.generationCount == 0 && abs(state.workerDelta) <= MasterLimits.maxWorkerDelta)
    #expect(state.restarts[.exited] == 0 && state.reloads.succeeded == 0 && !state.reloadIsWanted)
    #expect(ServiceState.Reload(fields) == nil)
  }

  /// One whose master has ended, since only children are taken over.
  private func generation(_ number: Int) -> Generation {
    var generation = Generation(
      number: number, master: 1, cause: .reload, startedAt: 5, settings: Generation.Settings())
    generation.hasEnded = true
    generation.stage = .orphaned
    generation.deadline = .max
    generation.settings.gracefulTimeout = 3
    generation.settings.accessLog = "/log\n"
    generation.settings.workers = 2
    generation.maxWorkers = 18
    generation.workers = [WorkerStatus(slot: number, pid: 9, workerIndex: 0, state: .ready)]
    generation.plugins = [PluginInfo(name: "a", mount: "/", path: "/a.so", title: "[worker]\nslot=1", styles: "event")]
    _ = generation.apply(PluginPause(plugin: 0, until: 17))
    generation.configuration = "[server]\nworkers = 2\n\n[worker]\nslot=3\n"
    return generation
  }

  @Test func generationsComeBack() throws {
    var records = KeyedRecords()
    for number in [3, 4] { generation(number).save(to: &records) }
    let saved = try read(records)
    let restored = saved.of("generation").compactMap { Generation($0, saved) }
    #expect(restored.map(\.number) == [3, 4])
    for generation in restored {
      let expected = self.generation(generation.number)
      #expect(
        generation.stage == .orphaned && generation.cause == .reload && generation.hasEnded && generation.hasServed)
      #expect(generation.startedAt == 5 && generation.deadline == .max && generation.settings.gracefulTimeout == 3)
      #expect(generation.settings.accessLog == "/log\n" && generation.settings.errorLog == nil)
      #expect(generation.settings.workers == 2 && generation.maxWorkers == 18)
      #expect(generation.workers == expected.workers && generation.plugins == expected.plugins)
      #expect(generation.pauses == [0: 17] && generation.configuration == expected.configuration)
      #expect(generation.channel == nil && generation.shutdownPipe == nil && generation.scoreboard == nil)
    }
  }

  @Test func aDrainingGenerationLeavesWhatIsNeeded() throws {
    var generation = generation(3)
    generation.stage = .draining
    var records = KeyedRecords()
    generation.save(to: &records)
    let saved = try read(records)
    let restored = saved["generation"].flatMap { Generation($0, saved) }
    #expect(restored?.workers.count == 1 && restored?.plugins.isEmpty == true && restored?.configuration == "")
  }

  @Test(arguments: [
    ("number", "0"), ("number", "-1"), ("number", "9223372036854775807"), ("master", "0"), ("master", "-1"),
    ("master", "x"), ("stage", "asleep"), ("stage", "starting"), ("master_has_ended", "0"),
  ])
  func otherGenerationsAreRefused(key: String, value: String) throws {
    var records = KeyedRecords()
    generation(3).save(to: &records)
    var fields = try #require(records["generation"])
    #expect(Generation(fields, records) != nil)
    fields.set(key, value)
    #expect(Generation(fields, records) == nil, "the master, process 1, is no child of this one")
  }

  @Test func fieldsOfALaterVersionAreIgnored() throws {
    var records = KeyedRecords()
    generation(3).save(to: &records)
    var fields = try #require(records["generation"])
    fields.set("cgroup", "/a")
    fields.set("scoreboard", 2)
    records.append("cgroup", KeyedFields("path", "/a"))
    #expect(Generation(fields, records)?.number == 3)
  }
}
