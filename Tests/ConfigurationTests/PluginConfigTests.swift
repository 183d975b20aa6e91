import Configuration
import Testing

@Suite struct PluginConfigTests {
  private func config(_ text: String) throws(ConfigurationError) -> PluginConfig {
    try settings("\(minimal)[plugin.config]\n\(text)").plugins[0].config
  }

  private func json(_ text: String) throws -> String { String(decoding: try config(text).json, as: UTF8.self) }

  @Test(arguments: [
    ("", "{}"),
    ("a = 1\nb = -2", #"{"a":1,"b":-2}"#),
    ("a = 9223372036854775807", #"{"a":9223372036854775807}"#),
    ("a = 0x10", #"{"a":16}"#),
    ("a = 1.5\nb = 1e100\nc = -0.0\nd = 2.0", #"{"a":1.5,"b":1e+100,"c":-0.0,"d":2.0}"#),
    ("a = true\nb = false", #"{"a":true,"b":false}"#),
    (#"a = "x\"y\\z\n\r\t\b\f\u0000\u001f/é\U0001F600""#, #"{"a":"x\"y\\z\n\r\t\u0008\u000c\u0000\u001f/é😀"}"#),
    (#""k \"ey" = 1"#, #"{"k \"ey":1}"#),
    ("a = [1, [2, 'x'], {}]", #"{"a":[1,[2,"x"],{}]}"#),
    ("b.c = 1\n[plugin.config.d]\ne = []", #"{"b":{"c":1},"d":{"e":[]}}"#),
    ("a = 1979-05-27\nb = 07:32:00", #"{"a":"1979-05-27","b":"07:32:00"}"#),
    ("a = 1979-05-27T07:32:00Z", #"{"a":"1979-05-27T07:32:00Z"}"#),
  ])
  func json(text: String, expected: String) throws {
    #expect(try json(text) == expected)
  }

  @Test func whatJSONHasNoFormForIsRefused() {
    #expect(
      diagnostics(sources("\(minimal)[plugin.config]\na = nan\nb = [1.0, -inf]")) == [
        "outrider.toml:4:5: plugin.config: nan and inf have no form in JSON, as which plugins get their configuration",
        "outrider.toml:5:11: plugin.config: nan and inf have no form in JSON, as which plugins get their configuration",
      ])
    #expect(
      diagnostics(sources("\(minimal)config = 3")) == [
        "outrider.toml:3:10: plugin.config: expected a table, found an integer"
      ])
  }

  @Test func valuesByDottedKey() throws {
    let config = try config(
      "s = \"é\"\ni = 5\nb = true\nf = 1.0\nl = []\nd = 1979-05-27\n[plugin.config.t.u]\nx = 7\n\"y.z\" = 8")
    #expect(config.value(forDottedKey: "s") == .string([0xC3, 0xA9]))
    #expect(config.value(forDottedKey: "i") == .integer(5))
    #expect(config.value(forDottedKey: "b") == .boolean(true))
    #expect(config.value(forDottedKey: "f") == .other)
    #expect(config.value(forDottedKey: "l") == .other)
    #expect(config.value(forDottedKey: "d") == .other)
    #expect(config.value(forDottedKey: "t") == .other)
    #expect(config.value(forDottedKey: "t.u.x") == .integer(7))
    #expect(config.value(forDottedKey: "t.u.y.z") == nil)
    #expect(config.value(forDottedKey: "i.x") == nil)
    #expect(config.value(forDottedKey: "none") == nil)
    #expect(config.value(forDottedKey: "") == nil)
    #expect(config.value(forDottedKey: "t..x") == nil)
  }
}
