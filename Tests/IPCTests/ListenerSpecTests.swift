import IPC
import Platform
import Testing

/// Messages of a master on its listeners.
@Suite struct ListenerSpecTests {
  @Test(arguments: ["127.0.0.1:8000", "unix:/run/a b", "127.0.0.1:0#2", "", "a\nb=c"])
  func specsComeBack(name: String) throws {
    let options = ListeningSocket.Options(backlog: 2048, mode: 0o620, owner: 33, group: nil)
    let fields = try #require(KeyedFields(ListenerSpec(name: name, options: options).fields.bytes))
    let spec = try #require(ListenerSpec(fields))
    #expect(spec.name == name)
    #expect(spec.options.backlog == 2048 && spec.options.mode == 0o620)
    #expect(spec.options.owner == 33 && spec.options.group == nil)
  }

  @Test(arguments: [
    "", "backlog=1\nmode=432\n", "name=a\nbacklog=x\nmode=432\n", "name=a\nbacklog=1\nmode=-1\n",
    "name=a\nbacklog=99999999999\nmode=432\n", "name=a\nbacklog=1\nmode=99999\n",
  ])
  func nonsenseIsNone(text: String) throws {
    #expect(ListenerSpec(try #require(KeyedFields(Array(text.utf8)))) == nil)
  }

  @Test func passedListenersComeBack() {
    for listener in [PassedListener(name: "fd:3", systemdName: "http=1"), PassedListener(name: "unix:/a\nb")] {
      #expect(KeyedFields(listener.fields.bytes).flatMap { PassedListener($0) } == listener)
    }
    #expect(PassedListener(KeyedFields("systemd_name", "http")) == nil)
  }
}
