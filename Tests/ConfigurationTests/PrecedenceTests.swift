import Configuration
import Testing

@Suite struct PrecedenceTests {
  private let file = "[server]\nworkers = 2\nthreads = 2\n[timeouts]\nhead = \"2s\"\n\(minimal)"

  @Test func flagsGoOverTheEnvironmentOverTheFileOverTheDefault() throws {
    let configuration = try sources(
      file,
      .init(key: "server.workers", value: "3", origin: "OUTRIDER_CMD_ARGS --workers"),
      .init(key: "server.threads", value: "3", origin: "OUTRIDER_CMD_ARGS --threads"),
      .init(key: "server.workers", value: "4", origin: "--workers")
    ).read()
    #expect(configuration.settings.server.workers == .fixed(4))
    #expect(configuration.settings.server.threads == 3)
    #expect(configuration.settings.timeouts.head == 2_000_000_000)
    #expect(configuration.settings.server.queue == 64)
    #expect(configuration.origin(of: "server.workers").description == "--workers")
    #expect(configuration.origin(of: "server.threads").description == "OUTRIDER_CMD_ARGS --threads")
    #expect(configuration.origin(of: "timeouts.head").description == "outrider.toml:5")
    #expect(configuration.origin(of: "server.queue").description == "default")
    #expect(configuration.origin(of: "plugin.path", plugin: 0).description == "outrider.toml:7")
    #expect(configuration.origin(of: "listener.bind", listener: 0) == .builtIn)
    #expect(configuration.origin(of: "plugin.path", plugin: 1) == .builtIn)
  }

  @Test func valuesOfSetAreTOMLOrBareWords() throws {
    let settings = try sources(
      minimal, set("timeouts.head", "3s"), set("timeouts.body", "\"4s\""), set("timeouts.request", "0"),
      set("limits.body", "10MiB"), set("limits.drain", "4096"), set("server.workers", "auto"),
      set("server.worker_model", "sync"), set("early_hints.enabled", "false"),
      set("proxy.trusted", "[\"unix\", '10.0.0.0/8']"), set("log.level", "debug")
    ).read().settings
    #expect(settings.timeouts.head == 3_000_000_000)
    #expect(settings.timeouts.body == 4_000_000_000)
    #expect(settings.timeouts.request == 0)
    #expect(settings.limits.body == 10 << 20)
    #expect(settings.limits.drain == 4096)
    #expect(settings.server.workers == .perCore)
    #expect(settings.server.workers.number(cores: 6) == 6)
    #expect(settings.server.workerModel == .sync)
    #expect(!settings.earlyHints.enabled)
    #expect(settings.proxy.trusted.includesUnixPeers)
    #expect(settings.proxy.trusted.contains(try #require(IPAddress("10.1.2.3"))))
    #expect(!settings.proxy.trusted.contains(try #require(IPAddress("127.0.0.1"))))
    #expect(settings.log.level == .debug)
  }

  @Test func listenersOfBindHaveKeysOfSet() throws {
    var sources = sources(minimal, set("listener.h2c", "true"))
    sources.binds = [.init(address: "127.0.0.1:0", origin: "--bind"), .init(address: "[::1]:0", origin: "--bind")]
    let configuration = try sources.read()
    #expect(configuration.settings.listeners.map(\.h2c) == [true, true])
    #expect(configuration.origin(of: "listener.h2c", listener: 1).description == "--set listener.h2c")
    sources.overrides = [set("listener.h2c", "perhaps"), set("listener.tls.key", "x")]
    #expect(
      diagnostics(sources) == [
        "--set listener.tls.key: listeners are set by --bind or in the file",
        "--set listener.h2c: expected true or false, found \"perhaps\"",
      ])
  }

  @Test func bindFlagsReplaceListeners() throws {
    var sources = sources("[[listener]]\nbind = \"127.0.0.1:1\"\nearly_hints = \"off\"\n\(minimal)")
    sources.binds = [.init(address: "127.0.0.1:0", origin: "-b"), .init(address: "unix:/run/o.sock", origin: "-b")]
    let configuration = try sources.read()
    #expect(configuration.settings.listeners.map(\.bind.description) == ["127.0.0.1:0", "unix:/run/o.sock"])
    #expect(configuration.settings.listeners.map(\.earlyHints) == [.auto, .auto])
    #expect(configuration.origin(of: "listener.bind", listener: 1).description == "-b")
  }

  @Test func listenersOnOneAddressAreRefused() {
    let listener = "[[listener]]\nbind = \"127.0.0.1:1\"\n"
    #expect(
      diagnostics("\(listener)\(listener)")
        == ["outrider.toml:4:8: listener.bind: 127.0.0.1:1 is bound already (outrider.toml:2)"])
    let anyPort = "[[listener]]\nbind = \"127.0.0.1:0\"\n"
    #expect(diagnostics("\(anyPort)\(anyPort)").isEmpty)
  }

  @Test func pluginOfTheCommandLineReplacesThoseOfTheFile() throws {
    var sources = sources(
      "[server]\nworkers = 2\n[[plugin]]\npath = \"a.so\"\n[[plugin]]\npath = \"b.so\"\nmount = \"/b\"")
    sources.plugin = "build/libmine.so"
    let configuration = try sources.read()
    #expect(configuration.settings.server.workers == .fixed(2))
    #expect(configuration.settings.plugins.map(\.path) == ["/srv/build/libmine.so"])
    #expect(configuration.settings.plugins.map(\.name) == ["mine"])
    #expect(configuration.settings.plugins.map(\.mount) == ["/"])
    #expect(configuration.origin(of: "plugin.path", plugin: 0).description == "command line")
  }

  @Test func aPluginNeedsNoFileAndAFileNeedsAPlugin() throws {
    let alone = ConfigurationSources(plugin: "./x.so", workingDirectory: "/srv")
    #expect(try alone.read().settings.plugins.map(\.path) == ["/srv/x.so"])
    #expect(try alone.read().settings.listeners.map(\.bind.description) == ["127.0.0.1:8000"])
    #expect(diagnostics(sources("")) == ["outrider.toml:1:1: no [[plugin]] is configured"])
    #expect(diagnostics(sources("plugin = []")) == ["outrider.toml:1:1: no [[plugin]] is configured"])
    var withPlugin = sources("")
    withPlugin.plugin = "x.so"
    #expect(diagnostics(withPlugin).isEmpty)
    #expect(try ConfigurationSources().read().settings == Settings.defaults)
  }

  @Test(arguments: [
    ("outrider.toml", "a.so", "/srv/a.so"),
    ("conf/outrider.toml", "./lib/a.so", "/srv/conf/lib/a.so"),
    ("/etc/outrider/outrider.toml", "a.so", "/etc/outrider/a.so"),
    ("/etc/outrider/outrider.toml", "../a.so", "/etc/outrider/../a.so"),
    ("/outrider.toml", "a.so", "/a.so"),
    ("conf/outrider.toml", "/opt/a.so", "/opt/a.so"),
  ])
  func relativePathsStartFromTheFile(file: String, path: String, expected: String) throws {
    let sources = ConfigurationSources(
      file: .init(name: file, bytes: Array("[[plugin]]\npath = \"\(path)\"".utf8)), workingDirectory: "/srv")
    #expect(try sources.read().settings.plugins.map(\.path) == [expected])
  }

  @Test func hintsOfAListener() throws {
    let text = """
      [early_hints]
      http1 = "on"
      [[listener]]
      bind = "127.0.0.1:1"
      [[listener]]
      bind = "127.0.0.1:2"
      early_hints = "off"
      """
    var settings = try settings("\(text)\n\(minimal)")
    #expect(settings.listeners.map(settings.http1Hints) == [.on, .off])
    settings.earlyHints.enabled = false
    #expect(settings.listeners.map(settings.http1Hints) == [.off, .off])
  }

  @Test func audiencesOfListenersAndPlugins() throws {
    let text = """
      [early_hints]
      audience = "navigations"
      [[listener]]
      bind = "127.0.0.1:1"
      [[listener]]
      bind = "127.0.0.1:2"
      early_hints_audience = "all"
      [[plugin]]
      path = "/p/one.so"
      mount = "/one"
      early_hints_audience = "navigations"
      [[plugin]]
      path = "/p/two.so"
      mount = "/two"
      early_hints_audience = "all"
      """
    let settings = try settings("\(text)\n\(minimal)")
    let audiences = settings.listeners.map { listener in
      settings.plugins.map { settings.hintAudience(of: listener, $0) }
    }
    #expect(audiences == [[.navigations, .all, .navigations], [.navigations, .all, .all]])
  }

  @Test func fieldsOfProxies() throws {
    #expect(try settings("proxy.fields = []\n\(minimal)").proxy.fields == [])
    #expect(try settings("proxy.fields = [\"forwarded\"]\n\(minimal)").proxy.fields == [.forwarded])
  }
}
