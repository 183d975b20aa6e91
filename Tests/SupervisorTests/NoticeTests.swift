import Platform
import Testing

/// What a master says of its workers and plugins, over the channel.
@Suite struct NoticeTests {
  @Test(arguments: WorkerNotice.State.allCases)
  func workersComeBack(state: WorkerNotice.State) {
    let notice = WorkerNotice(slot: 12, pid: 4711, place: 3, state: state)
    #expect(WorkerNotice(text: notice.text) == notice)
  }

  @Test(arguments: [
    "", "1 2 3", "1 2 3 ready more", "1 2 3 asleep", "-1 2 3 ready", "1 0 3 ready", "1 -2 3 ready", "70000 2 3 ready",
    "1 2 70000 ready", "1 99999999999 3 ready", " 1 2 3 ready",
  ])
  func nonsenseIsNoWorker(text: String) { #expect(WorkerNotice(text: text) == nil) }

  @Test func pluginsComeBack() {
    let notice = PluginNotice(name: "a b", mount: "/ä", path: "/x y.so", title: "A 1.0", styles: "blocking, event")
    #expect(PluginNotice(text: notice.text) == notice)
    let bare = PluginNotice(name: "a", mount: "", path: "", title: "", styles: "")
    #expect(PluginNotice(text: bare.text) == bare)
  }

  @Test func linesEndAtBytes() {
    let notice = PluginNotice(text: "a\nb\r\nc\n\u{301}d\ne\r")
    #expect(notice?.mount == "b\r" && notice?.styles == "e\r")
  }

  @Test(arguments: ["", "a\nb\nc\nd", "a\nb\nc\nd\ne\nf"])
  func nonsenseIsNoPlugin(text: String) { #expect(PluginNotice(text: text) == nil) }
}
