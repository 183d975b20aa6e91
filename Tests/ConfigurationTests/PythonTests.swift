import Configuration
import Testing

@Suite struct PythonTests {
  /// With a path of its own, an entry has its plugin without a look at the machine.
  private func plugin(_ text: String, venv: String = "") throws -> PluginSettings {
    var sources = sources("[[plugin]]\npath = \"/p/python.so\"\npython = \"app:make\"\n\(text)")
    sources.pythonPlugins = PythonPlugins(folders: [], activeVenv: venv)
    return try sources.read().settings.plugins[0]
  }

  /// What the plugin reads, without keys that have their defaults.
  private func json(_ plugin: PluginSettings) -> String {
    var text = String(decoding: plugin.config.json, as: UTF8.self)
    for pair in [
      #""chdir":"","#, #""env":{},"#, #""factory":false,"#, #""interface":"auto","#, #""lifespan":"auto","#,
      #""loop":"asyncio","#, #""mode":"thread","#, #""path":[],"#, #""scheduling":"batch","#,
    ] {
      text = text.replacing(pair, with: "")
    }
    return text
  }

  @Test func thePluginReadsWhatIsGivenWithTheApplication() throws {
    #expect(try json(plugin("")) == #"{"app":"app:make","venv":""}"#)
    let text =
      "[plugin.config]\nvenv = \"v/\"\nchdir = \"d\"\nfactory = true\nenv.A = \"1\"\npath = \"x\"\npreload = false"
    #expect(
      try json(plugin(text))
        == #"{"app":"app:make","chdir":"/srv/d","env":{"A":"1"},"factory":true,"path":["x"],"venv":"/srv/v"}"#)
  }

  @Test func theActiveEnvironmentIsTheDefault() throws {
    #expect(try json(plugin("", venv: "/v")) == #"{"app":"app:make","venv":"/v"}"#)
    #expect(try json(plugin("[plugin.config]\nvenv = \"\"", venv: "/v")) == #"{"app":"app:make","venv":""}"#)
  }

  @Test func itIsLoadedInWorkersUnlessItIsPreloaded() throws {
    #expect(try plugin("").load == .worker)
    #expect(try plugin("[plugin.config]\npreload = true").load == .master)
    #expect(try plugin("load = \"master\"").python.preload)
    #expect(try plugin("load = \"master\"\n[plugin.config]\npreload = true").load == .master)
  }

  @Test func itsNameIsThatOfTheModule() throws {
    #expect(try plugin("").name == "app")
    #expect(try plugin("name = \"x\"").name == "x")
    let text = "[[plugin]]\npath = \"/p.so\"\npython = \"shop.wsgi\""
    #expect(try settings(text).plugins[0].name == "shop.wsgi")
  }

  @Test(arguments: [
    (
      "load = \"worker\"\n[plugin.config]\npreload = true",
      "5:11: plugin.config.preload: true, but plugin.load is \"worker\""
    ),
    ("load = \"master\"\n[plugin.config]\npreload = false", "5:11: plugin.config.preload: false, but plugin.load is"),
    ("[plugin.config]\napp = \"x\"", "4:1: plugin.config.app: plugin.python (outrider.toml:2) names the application"),
    ("[plugin.config]\nlop = 1", "4:1: unknown key \"plugin.config.lop\"; did you mean \"plugin.config.loop\"?"),
    ("[plugin.config]\nfactory = 1", "4:11: plugin.config.factory: expected true or false"),
    ("[plugin.config]\nenv = { A = 1 }", "4:13: plugin.config.env: expected text in quotes"),
    ("[plugin.config]\npath = [\"a\", 1]", "4:14: plugin.config.path: expected text in quotes"),
    ("[plugin.config]\nloop = \"trio\"", "4:8: plugin.config.loop: expected one of"),
  ])
  func whatIsWrongWithIt(text: String, expected: String) {
    let found = diagnostics(sources("[[plugin]]\npython = \"app\"\n\(text)"))
    #expect(found.count == 1 && found[0].hasPrefix("outrider.toml:\(expected)"), "\(found)")
  }

  @Test func anApplicationOfTheCommandLine() throws {
    var sources = sources("[[plugin]]\npath = \"a.so\"")
    sources.python = "app:make"
    sources.pluginSettings = [
      .init(key: "plugin.config.venv", text: "3.11", origin: "--venv"),
      .init(key: "plugin.config.factory", value: "true", origin: "--config"),
    ]
    let configuration = try sources.read()
    #expect(json(configuration.settings.plugins[0]) == #"{"app":"app:make","factory":true,"venv":"/srv/3.11"}"#)
    let lines = configuration.dump().split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("venv = \"/srv/3.11\" ") && $0.hasSuffix(" # --venv") })
    sources.pluginSettings.append(.init(key: "plugin.config.loop", text: "trio", origin: "--config"))
    #expect(
      diagnostics(sources) == [#"--config loop: expected one of "asyncio", "uvloop", found "trio""#])
  }

  // MARK: Without a plugin

  private func missing(_ venv: String) -> ConfigurationSources {
    var sources = sources("[[plugin]]\npython = \"app\"\n[plugin.config]\nvenv = \"\(venv)\"")
    sources.pythonPlugins = PythonPlugins(folders: ["/nowhere"], activeVenv: "")
    return sources
  }

  @Test func withoutAPluginItIsSaidWhereItWasLookedFor() {
    #expect(
      diagnostics(missing("")) == [
        "outrider.toml:4:8: there is no plugin for applications in Python: looked for liboutrider-python3.*.so in /nowhere; "
          + "see outrider-python(7)"
      ])
    #expect(
      diagnostics(missing("/nowhere")) == [
        #"outrider.toml:4:8: venv = "/nowhere" is no virtual environment: "#
          + "it has neither a pyvenv.cfg with a version of Python 3 nor one folder lib/python3.*"
      ])
  }
}
