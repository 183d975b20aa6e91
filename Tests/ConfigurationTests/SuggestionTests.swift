import Configuration
import Testing

@testable import struct Configuration.Suggestion

@Suite struct SuggestionTests {
  @Test(arguments: [
    ("server.worker", ["server.workers", "timeouts.worker"]),
    ("server.wrokers", ["server.workers"]),
    ("workers", ["server.workers"]),
    ("keepalive", ["timeouts.keepalive"]),
    ("head", ["timeouts.head", "limits.head"]),
    ("log.workers", ["server.workers"]),
    ("limit", ["limits"]),
    ("sever", ["server"]),
    ("timeouts.haed", ["timeouts.head"]),
    ("early_hint", ["early_hints"]),
    ("lisetner", ["listener"]),
    ("listener.bnd", ["listener.bind"]),
    ("bind", ["metrics.bind", "listener.bind"]),
    ("plugin.pth", ["plugin.path"]),
    ("server.underscore_field", ["http.underscore_fields"]),
    ("pidfile", ["server.pidfile"]),
    ("certificate", ["listener.tls.certificate", "listener.tls.sni.certificate"]), ("certainty", []),
    ("", []),
  ])
  func nearest(name: String, expected: [String]) {
    #expect(Suggestion.all.nearest(to: name) == expected)
  }

  @Test(arguments: [
    ("", "", 0), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "abd", 1), ("abc", "ab", 1), ("abc", "xabc", 1),
    ("kitten", "sitting", 3), ("ca", "abc", 3),
  ])
  func distance(one: String, other: String, expected: Int) {
    #expect(Suggestion.distance(one, other) == expected)
    #expect(Suggestion.distance(other, one) == expected)
  }

  @Test func unknownKeysSayWhereAndWhatWasMeant() {
    #expect(
      diagnostics("[server]\n    worker = 1")
        == ["outrider.toml:2:5: unknown key \"server.worker\"; did you mean \"server.workers\" or \"timeouts.worker\"?"]
    )
    #expect(
      diagnostics("workers = 1") == ["outrider.toml:1:1: unknown key \"workers\"; did you mean \"server.workers\"?"])
    #expect(
      diagnostics("head = 1")
        == ["outrider.toml:1:1: unknown key \"head\"; did you mean \"timeouts.head\" or \"limits.head\"?"])
    #expect(
      diagnostics("[ servr ]\nworkers = 1") == ["outrider.toml:1:3: unknown table \"servr\"; did you mean \"server\"?"])
    #expect(diagnostics("server.zzzzzz = 1") == ["outrider.toml:1:8: unknown key \"server.zzzzzz\""])
    #expect(
      diagnostics("[[listener]]\nbnd = \"x\"")
        == ["outrider.toml:2:1: unknown key \"listener.bnd\"; did you mean \"listener.bind\"?"])
    #expect(
      diagnostics("\"server.workers\" = 1")
        == ["outrider.toml:1:1: unknown key \"server.workers\": a dot in quotes does not separate tables"])
  }
}
