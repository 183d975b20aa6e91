import Configuration
import Testing

@Suite struct DumpTests {
  /// Every kind of value, none at its default.
  private let everything = """
    [server]
    workers = "auto"
    worker_model = "sync"
    threads = 9
    graceful_timeout = "90s"
    [timeouts]
    head = "1500ms"
    request = "2m"
    [limits]
    body = 12345
    output = "1MiB"
    [http]
    underscore_fields = "refuse"
    [proxy]
    trusted = ["unix", "10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.1"]
    [early_hints]
    enabled = false
    [log]
    level = "critical"
    [[listener]]
    bind = "[::1]:80"
    early_hints = "off"
    [[listener]]
    bind = "unix:/run/a \\"quoted\\" é.sock"
    [listener.tls]
    certificate = "tls/a.pem"
    key = "/k/a.pem"
    client_ca = "clients.pem"
    client_auth = "required"
    min_version = "1.3"
    ciphers = "ECDHE-RSA-AES128-GCM-SHA256"
    [[listener.tls.sni]]
    names = ["B.example", "*.c.example"]
    certificate = "b.pem"
    key = "b.key"
    [[listener.tls.sni]]
    names = ["d.example"]
    certificate = "/d.pem"
    key = "d.key"
    [[listener]]
    bind = "127.0.0.1:81"
    [listener.tls]
    certificate = "e.pem"
    key = "e.key"
    [[plugin]]
    path = "lib/hello.so"
    [plugin.config]
    greeting = "a \\"b\\" \\\\ \\u0000 \\u007f \\n é"
    "odd key." = 1
    "" = -9223372036854775808
    date = 1979-05-27T07:32:00.5-07:00
    local = 1979-05-27T07:32:00
    day = 1979-05-27
    time = 07:32:00
    pi = 3.14
    big = 1e300
    one = 1.0
    list = [[], [1, "x", { a.b = true }], {}]
    [plugin.config.deep.er]
    x = 1
    [[plugin]]
    name = "other"
    path = "/opt/hello.so"
    mount = "/é"
    [[plugin.config.rule]]
    a = 1
    [[plugin.config.rule]]
    b = 2
    [[plugin]]
    python = "shop.wsgi:application"
    path = "lib/python.so"
    mount = "/shop"
    [plugin.config]
    interface = "wsgi"
    factory = true
    path = ["a", "b \\"quoted\\""]
    venv = "venv"
    chdir = "/srv/shop"
    env = { A = "1", "odd key" = "2" }
    lifespan = "off"
    loop = "uvloop"
    mode = "thread"
    scheduling = "normal"
    preload = true
    [[plugin]]
    python = "api"
    path = "lib/python.so"
    mount = "/api"
    """

  private let secure = """
    [[listener]]
    [listener.tls]
    certificate = "a.pem"
    key = "a.key"
    [[listener.tls.sni]]
    names = ["b.example"]
    certificate = "b.pem"
    key = "b.key"
    """

  private let inPython = "\n[[plugin]]\npython = \"app\"\npath = \"p.so\"\nmount = \"/p\"\n"

  private func withoutFolders(_ settings: Settings) -> Settings {
    var settings = settings
    for index in settings.plugins.indices { settings.plugins[index].folder = "" }
    return settings
  }

  @Test func aListenerInCleartextHasNoTableForTLS() throws {
    #expect(try !sources(minimal).read().dump().contains("tls"))
  }

  @Test func readingTheDumpGivesEqualSettings() throws {
    var sources = sources(everything, set("server.queue", "7"))
    for round in ["as it is", "with flags"] {
      if round == "with flags" {
        sources.plugin = "my plugin.so"
        sources.binds = [.init(address: "localhost:81", origin: "OUTRIDER_CMD_ARGS -b")]
      }
      let configuration = try sources.read()
      #expect(configuration.settings != Settings.defaults)
      let dump = configuration.dump()
      // Another name and directory: nothing but the plugins' folder depends on where a dump is kept.
      let again = ConfigurationSources(
        file: .init(name: "/elsewhere/dump.toml", bytes: Array(dump.utf8)), workingDirectory: "/")
      #expect(try withoutFolders(again.read().settings) == withoutFolders(configuration.settings), "\(round)\n\(dump)")
    }
  }

  @Test func everyKeyIsThereWithItsOrigin() throws {
    let sources = sources(
      "[server]\nthreads = 9\n[timeouts]\n\nhead = \"1s\"\n\(minimal)[plugin.config]\nx = 1\n\(secure)\(inPython)",
      .init(key: "server.workers", value: "2", origin: "--workers"), set("server.queue", "3"))
    let lines = try sources.read().dump().split(separator: "\n").map { line in
      line.split(separator: " ").joined(separator: " ")
    }
    #expect(lines.contains("workers = 2 # --workers"))
    #expect(lines.contains("queue = 3 # --set server.queue"))
    #expect(lines.contains("threads = 9 # outrider.toml:2"))
    #expect(lines.contains("head = \"1s\" # outrider.toml:5"))
    #expect(lines.contains("body = \"30s\" # default"))
    #expect(lines.contains("bind = \"127.0.0.1:8000\" # default"))
    #expect(lines.contains("name = \"hello\" # default"))
    #expect(lines.contains("path = \"/p/hello.so\" # outrider.toml:7"))
    #expect(lines.contains("x = 1 # outrider.toml:9"))
    #expect(lines.contains("key = \"/srv/b.key\" # outrider.toml:17"))
    for key in KeyDocumentation.all where key.name != "plugin.config" {
      let leaf = key.name.split(separator: ".").last ?? ""
      #expect(lines.contains { $0.hasPrefix("\(leaf) = ") && $0.contains(" # ") }, "\(key.name)")
    }
  }

  @Test func theNameOfTheFileCannotBreakTheDump() throws {
    let name = "a\nworkers = 7\n\u{7F}.toml"
    let configuration = try ConfigurationSources(
      file: .init(name: name, bytes: Array("server.workers = 2\n\(minimal)".utf8)), workingDirectory: "/"
    ).read()
    #expect(try withoutFolders(settings(configuration.dump())) == withoutFolders(configuration.settings))
  }
}
