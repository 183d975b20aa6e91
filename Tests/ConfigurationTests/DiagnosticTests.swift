import Configuration
import Testing

@Suite struct DiagnosticTests {
  @Test(arguments: [
    (
      "[timeouts]\nhead = 10",
      #"outrider.toml:2:8: timeouts.head: expected a duration such as "30s" (ms, s, m, h), found an integer"#
    ),
    ("[timeouts]\nhead = \"0s\"", "outrider.toml:2:8: timeouts.head: 0s is below the minimum, 1ms"),
    ("[timeouts]\nhead = 0", "outrider.toml:2:8: timeouts.head: 0s is below the minimum, 1ms"),
    ("timeouts.head = \"2h\"", "outrider.toml:1:17: timeouts.head: 2h is above the maximum, 1h"),
    (
      "timeouts.head = \"99999999999999999999h\"",
      "outrider.toml:1:17: timeouts.head: 99999999999999999999h is above the maximum, 1h"
    ),
    (
      "timeouts.head = \"9999999999999999999h\"",
      "outrider.toml:1:17: timeouts.head: 9999999999999999999h is above the maximum, 1h"
    ),
    (
      "timeouts.head = \"1.5s\"",
      #"outrider.toml:1:17: timeouts.head: expected a duration such as "30s" (ms, s, m, h), found "1.5s""#
    ),
    (
      "timeouts.head = \"-1s\"",
      #"outrider.toml:1:17: timeouts.head: expected a duration such as "30s" (ms, s, m, h), found "-1s""#
    ),
    (
      "timeouts.head = 2024-01-01",
      #"outrider.toml:1:17: timeouts.head: expected a duration such as "30s" (ms, s, m, h), found a date"#
    ),
    ("limits.output = 1", "outrider.toml:1:17: limits.output: 1 is below the minimum, 16KiB"),
    ("limits.output = -1", "outrider.toml:1:17: limits.output: -1 is below the minimum, 16KiB"),
    ("limits.output = \"65MiB\"", "outrider.toml:1:17: limits.output: 65MiB is above the maximum, 64MiB"),
    (
      "limits.body = \"1KB\"",
      #"outrider.toml:1:15: limits.body: expected a size such as "64KiB" (bytes, KiB, MiB, GiB, TiB), found "1KB""#
    ),
    (
      "limits.body = 1.5",
      #"outrider.toml:1:15: limits.body: expected a size such as "64KiB" (bytes, KiB, MiB, GiB, TiB), found a float"#
    ),
    ("limits.body = \"99999999TiB\"", "outrider.toml:1:15: limits.body: 99999999TiB is above the maximum, 1024TiB"),
    ("limits.fields = 0", "outrider.toml:1:17: limits.fields: 0 is below the minimum, 1"),
    ("server.threads = 1025", "outrider.toml:1:18: server.threads: 1025 is above the maximum, 1024"),
    ("server.threads = true", "outrider.toml:1:18: server.threads: expected an integer, found a boolean"),
    ("server.workers = 0", "outrider.toml:1:18: server.workers: 0 is below the minimum, 1"),
    ("server.workers = \"many\"", #"outrider.toml:1:18: server.workers: expected a number or "auto", found "many""#),
    (
      "server.worker_model = \"eventlet\"",
      #"outrider.toml:1:23: server.worker_model: expected one of "sync", "gthread", "async", found "eventlet""#
    ),
    (
      "early_hints.http1 = true",
      #"outrider.toml:1:21: early_hints.http1: expected one of "auto", "on", "off", found a boolean"#
    ),
    (
      "proxy.fields = [\"x-forwarded-for\", \"x-forwarded-for\"]",
      "outrider.toml:1:36: proxy.fields: is listed twice"
    ),
    (
      "early_hints.audience = \"auto\"",
      #"outrider.toml:1:24: early_hints.audience: expected one of "all", "navigations", found "auto""#
    ),
    ("early_hints.enabled = \"yes\"", #"outrider.toml:1:23: early_hints.enabled: expected true or false, found "yes""#),
    (
      "log.level = [1]",
      #"outrider.toml:1:13: log.level: expected one of "debug", "info", "warning", "error", "critical", found an array"#
    ),
    ("timeouts = 3", "outrider.toml:1:12: timeouts: expected a table, found an integer"),
    (
      "[listener]\nbind = \"127.0.0.1:1\"",
      "outrider.toml:1:2: listener: expected tables, each headed [[listener]], found a table"
    ),
    ("listener = [1]", "outrider.toml:1:13: listener: expected tables, each headed [[listener]], found an integer"),
    (
      "[limits]\nfields = 5\nhead = \"4KiB\"\nfield_size = \"1KiB\"\nrequest_line = \"5KiB\"",
      "outrider.toml:3:8: limits.head: \"4KiB\" is below limits.request_line, \"5KiB\""
    ),
    (
      "[limits]\nfield_size = \"64KiB\"",
      "outrider.toml:2:14: limits.field_size: \"64KiB\" is above limits.head, \"32KiB\""
    ),
    (
      "[proxy]\ntrusted = [\"127.0.0.1\", 3]",
      "outrider.toml:2:25: proxy.trusted: expected text in quotes, found an integer"
    ),
    ("\n\n  wrong", "outrider.toml:3:8: syntax error while parsing key-value pair: expected '=', saw '\\n'"),
  ])
  func oneFault(text: String, expected: String) {
    #expect(diagnostics(text).first == expected)
  }

  @Test func allFaultsAreReportedInTheOrderOfTheFile() {
    let text = """
      [server]
      workers = -1
        worker = 3
      [proxy]
      trusted = ["1.2.3.4",
        "nobody", "10.0.0.1/8"]
      [timeouts]
      body = "soon"
      """
    var sources = sources("\(text)\n\(minimal)", set("timeouts.head", "0s"))
    sources.overrides.append(.init(key: "server.threads", value: "none", origin: "OUTRIDER_CMD_ARGS --threads"))
    sources.binds = [.init(address: "nowhere", origin: "--bind")]
    #expect(
      diagnostics(sources) == [
        "outrider.toml:2:11: server.workers: -1 is below the minimum, 1",
        "outrider.toml:3:3: unknown key \"server.worker\"; did you mean \"server.workers\" or \"timeouts.worker\"?",
        "outrider.toml:6:3: proxy.trusted: expected an address, a network such as \"10.0.0.0/8\", or \"unix\", found \"nobody\"",
        "outrider.toml:6:13: proxy.trusted: \"10.0.0.1/8\" has bits beyond its prefix; did you mean \"10.0.0.0/8\"?",
        "outrider.toml:8:8: timeouts.body: expected a duration such as \"30s\" (ms, s, m, h), found \"soon\"",
        "--set timeouts.head: 0s is below the minimum, 1ms",
        "OUTRIDER_CMD_ARGS --threads: expected an integer, found \"none\"",
        "--bind: expected host:port, [v6]:port, unix:/path, fd:N or systemd:NAME, found \"nowhere\"",
      ])
  }

  @Test func flagsAreCheckedBesideASyntaxError() {
    #expect(
      diagnostics(sources("[server", set("server.threads", "0"))) == [
        "outrider.toml:1:8: syntax error while parsing table header: encountered end-of-file",
        "--set server.threads: 0 is below the minimum, 1",
      ])
  }

  @Test func aBadValueIsNotComparedWithOthers() {
    let found = diagnostics("[limits]\nhead = \"big\"\nfield_size = \"64KiB\"")
    #expect(found.count == 1)
  }

  @Test func overridesThatCannotBe() {
    func fault(_ key: String, _ value: String = "1") -> [String] { diagnostics(sources(minimal, set(key, value))) }
    #expect(fault("listener.bind") == ["--set listener.bind: listeners are set by --bind or in the file"])
    #expect(
      fault("listener.h2c", "true") == [
        "--set listener.h2c: listeners are set by --bind or in the file; this flag is for those of --bind"
      ])
    #expect(fault("plugin.name") == ["--set plugin.name: plugins are set in the file or named on the command line"])
    #expect(
      fault("timeouts") == ["--set timeouts: \"timeouts\" is a table: set a key of it, such as timeouts.head"])
    #expect(
      fault("server.wrokers") == [
        "--set server.wrokers: unknown key \"server.wrokers\"; did you mean \"server.workers\"?"
      ])
    #expect(fault("") == ["--set : unknown key \"\""])
    #expect(fault("log.level", "loud").first?.hasPrefix("--set log.level: expected one of") == true)
    #expect(fault("server.threads", "3\nserver.queue = 4").first?.hasPrefix("--set server.threads: expected") == true)
  }

  @Test func constraintBrokenByAFlagIsTheFlagsFault() {
    #expect(
      diagnostics(sources(minimal, set("limits.head", "1KiB"))).first
        == "--set limits.head: \"1KiB\" is below limits.request_line, \"8KiB\"")
  }
}
