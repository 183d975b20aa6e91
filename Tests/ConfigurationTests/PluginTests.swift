import Configuration
import Testing

@Suite struct PluginTests {
  private func mountFault(_ mount: String) -> String? {
    let found = diagnostics(sources("[[plugin]]\npath = \"a.so\"\nmount = '\(mount)'"))
    return found.first.map { String($0.dropFirst("outrider.toml:3:9: plugin.mount: ".count)) }
  }

  @Test(arguments: ["/", "/app", "/app/x", "/é", "/a b", "/...", "/.well-known", "/a:b@c"])
  func goodMounts(mount: String) throws {
    let settings = try settings("[[plugin]]\npath = \"a.so\"\nmount = \"\(mount)\"")
    #expect(settings.plugins[0].mount == mount)
  }

  @Test(arguments: [
    ("", #"a mount begins with /, found """#),
    ("app", #"a mount begins with /, found "app""#),
    ("/app/", #"a mount does not end with /, found "/app/""#),
    ("//", #"a mount does not end with /, found "//""#),
    ("//app", #"a mount has no //, found "//app""#),
    ("/a//b", #"a mount has no //, found "/a//b""#),
    ("/a/../b", #"a mount has no dot segments, found "/a/../b""#),
    ("/.", #"a mount has no dot segments, found "/.""#),
    ("/a%20b", ##"a mount is a decoded path, without "%", "?" and "#", found "/a%20b""##),
    ("/a?b", ##"a mount is a decoded path, without "%", "?" and "#", found "/a?b""##),
    // A combining accent makes one character of itself and the slash, but the bytes are those of two slashes.
    ("//\u{301}", "a mount has no //, found \"//\u{301}\""),
  ])
  func badMounts(mount: String, expected: String) {
    #expect(mountFault(mount) == expected)
  }

  @Test func mountsAreDistinct() {
    let text = "[[plugin]]\npath = \"a.so\"\nmount = \"/x\"\n[[plugin]]\npath = \"b.so\"\nmount = \"/x\""
    #expect(
      diagnostics(sources(text)) == [
        "outrider.toml:6:9: plugin.mount: \"/x\" is taken already (outrider.toml:3); one plugin a mount"
      ])
    // Both by default: the second's table is all there is to point at.
    let byDefault = "[[plugin]]\npath = \"a.so\"\n[[plugin]]\npath = \"b.so\""
    #expect(
      diagnostics(sources(byDefault)) == [
        "outrider.toml:3:1: plugin.mount: \"/\" is taken already (outrider.toml:1); one plugin a mount"
      ])
  }

  @Test func namesAreDistinct() {
    let text = "[[plugin]]\npath = \"a.so\"\n[[plugin]]\npath = \"x/liba.so\"\nmount = \"/x\""
    #expect(
      diagnostics(sources(text)) == [
        "outrider.toml:3:1: plugin.name: \"a\" is taken already (outrider.toml:1); give this one a name of its own"
      ])
    #expect(diagnostics(sources("\(text)\nname = \"b\"")).isEmpty)
    #expect(diagnostics(sources("\(text)\nname = \"a b\"")).first?.contains("expected 1 to 64 letters") == true)
  }

  @Test(arguments: [
    ("/x/hello.so", "hello"), ("libhello.so", "hello"), ("hello", "hello"), ("lib.so", "lib.so"),
    ("my plugin.so", "my_plugin"), ("é.so", "__"), ("a.so.1", "a.so.1"),
  ])
  func nameOfAFile(path: String, name: String) throws {
    #expect(try settings("[[plugin]]\npath = \"\(path)\"").plugins[0].name == name)
  }

  @Test func whereItIsLoaded() throws {
    #expect(try settings("[[plugin]]\npath = \"a.so\"").plugins[0].load == .master)
    #expect(try settings("[[plugin]]\npath = \"a.so\"\nload = \"worker\"").plugins[0].load == .worker)
    #expect(
      diagnostics(sources("[[plugin]]\npath = \"a.so\"\nload = \"thread\"")) == [
        #"outrider.toml:3:8: plugin.load: expected one of "master", "worker", found "thread""#
      ])
  }

  @Test func aPathIsNeeded() {
    #expect(diagnostics(sources("\n[[plugin]]\nmount = \"/x\"")) == ["outrider.toml:2:1: plugin.path is missing"])
    #expect(diagnostics(sources("[[plugin]]\npath = \"\"")) == ["outrider.toml:2:8: plugin.path: an empty path"])
    #expect(
      diagnostics(sources("[[plugin]]\npath = \"a\\u0000.so\"")) == [
        "outrider.toml:2:8: plugin.path: a NUL in the path"
      ])
    #expect(diagnostics(sources("[[plugin]]\npath = 3")).count == 1)
    #expect(
      diagnostics(sources("[[plugin]]\npath = 3\n[[plugin]]\nmount = \"/x\"")).last
        == "outrider.toml:3:1: plugin.path is missing")
    #expect(diagnostics(ConfigurationSources(plugin: "")) == ["command line: an empty path"])
  }
}
