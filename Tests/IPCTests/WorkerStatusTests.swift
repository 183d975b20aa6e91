import IPC
import Testing

/// Messages of a master on its workers and plugins.
@Suite struct WorkerStatusTests {
  @Test(arguments: WorkerStatus.State.allCases)
  func workersComeBack(state: WorkerStatus.State) {
    let message = WorkerStatus(slot: 12, pid: 4711, workerIndex: 3, state: state)
    #expect(WorkerStatus(message.fields) == message)
  }

  @Test(arguments: [
    ("slot", nil), ("slot", "-1"), ("slot", "70000"), ("slot", ""), ("pid", nil), ("pid", "0"), ("pid", "-2"),
    ("pid", "99999999999"), ("worker_index", nil), ("worker_index", "70000"), ("state", nil), ("state", "asleep"),
  ])
  func nonsenseIsNoWorker(key: String, value: String?) {
    let whole = WorkerStatus(slot: 1, pid: 2, workerIndex: 3, state: .ready).fields
    var fields = KeyedFields()
    for field in whole.all where field.key != key { fields.set(field.key, field.value) }
    fields.set(key, value)
    #expect(WorkerStatus(fields) == nil)
    fields.set(key, whole[key])
    #expect(WorkerStatus(fields) != nil)
  }

  @Test func fieldsOfALaterVersionAreIgnored() {
    let message = WorkerStatus(slot: 1, pid: 2, workerIndex: 3, state: .ready)
    var fields = message.fields
    fields.set("cpu", 7)
    #expect(WorkerStatus(fields) == message)
  }

  @Test func pluginsComeBack() {
    let message = PluginInfo(name: "a b", mount: "/ä", path: "/x\r\n y.so", title: "A 1.0\r", styles: "blocking, event")
    #expect(KeyedFields(message.fields.bytes).flatMap { PluginInfo($0) } == message)
    let bare = PluginInfo(name: "a", mount: "", path: "", title: "", styles: "")
    #expect(PluginInfo(bare.fields) == bare)
    #expect(PluginInfo(KeyedFields("name", "a")) == nil)
  }

  @Test func longPluginsFitAMessage() {
    let long = String(repeating: "\u{1}", count: 9000)
    let message = PluginInfo(name: long, mount: long, path: long, title: long, styles: long)
    #expect(message.fields.bytes.count < Channel.capacity)
  }

  @Test func pausesComeBack() {
    let pause = PluginPause(plugin: 3, until: .max)
    #expect(PluginPause(pause.fields) == pause)
    for (plugin, until) in [("-1", "1"), ("4096", "1"), ("0", "-1"), ("0", "18446744073709551616"), ("0", "")] {
      var fields = KeyedFields("plugin", plugin)
      fields.set("until", until)
      #expect(PluginPause(fields) == nil, "\(plugin) \(until)")
    }
  }
}
