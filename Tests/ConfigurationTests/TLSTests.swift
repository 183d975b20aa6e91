import Configuration
import Testing

@Suite struct TLSTests {
  private let complete = """
    [[listener]]
    bind = "127.0.0.1:443"
    protocols = ["http/1.1"]
    [listener.tls]
    certificate = "tls/server.pem"
    key = "/keys/server.pem"
    [[listener.tls.sni]]
    names = ["Example.org", "*.example.org"]
    certificate = "other.pem"
    key = "other.key"
    [[plugin]]
    path = "hello.so"
    """

  @Test func everyPartIsRead() throws {
    let configuration = try sources(complete).read()
    let listener = try #require(configuration.settings.listeners.first)
    #expect(listener.protocols == [.http1])
    #expect(listener.tls.isEnabled)
    #expect(listener.tls.certificate == "/srv/tls/server.pem")
    #expect(listener.tls.key == "/keys/server.pem")
    #expect(listener.tls.clientAuth == .none)
    #expect(listener.tls.clientCA.isEmpty)
    #expect(listener.tls.minVersion == .tls12)
    #expect(listener.tls.ciphers == "ECDHE+AESGCM:ECDHE+CHACHA20")
    let other = try #require(listener.tls.sni.first)
    #expect(other.names == ["example.org", "*.example.org"])
    #expect(other.certificate == "/srv/other.pem")
    #expect(other.key == "/srv/other.key")
    #expect("\(configuration.origin(of: "listener.tls.key", listener: 0))" == "outrider.toml:6")
    #expect("\(configuration.origin(of: "listener.tls.sni.key", listener: 0, sni: 0))" == "outrider.toml:10")
  }

  @Test func cleartextIsTheDefault() throws {
    let listener = try #require(try settings("\(minimal)[[listener]]").listeners.first)
    #expect(!listener.tls.isEnabled)
    #expect(listener.protocols == [.http2, .http1])
  }

  @Test(arguments: [
    ("[listener.tls]", ["2:11: listener.tls.certificate is missing", "2:11: listener.tls.key is missing"]),
    ("tls.certificate = \"a\"", ["2:1: listener.tls.key is missing"]),
    ("tls = 1", ["2:7: listener.tls: expected a table, found an integer"]),
    ("tls.certificate = \"\"\ntls.key = \"k\"", ["2:19: listener.tls.certificate: an empty path"]),
    (
      "tls.certificate = \"a\"\ntls.key = \"k\"\ntls.client_auth = \"required\"",
      [#"4:19: listener.tls.client_auth: "required" needs listener.tls.client_ca"#]
    ),
    (
      "tls.certificate = \"a\"\ntls.key = \"k\"\ntls.min_version = \"1.1\"",
      [#"4:19: listener.tls.min_version: expected one of "1.2", "1.3", found "1.1""#]
    ),
    (
      "tls.certificate = \"a\"\ntls.key = \"k\"\ntls.cipher = \"x\"",
      [#"4:5: unknown key "listener.tls.cipher"; did you mean "listener.tls.ciphers"?"#]
    ),
    (
      "protocols = []",
      [#"2:13: listener.protocols: expected an array with at least one of "h2", "http/1.1", found an array"#]
    ),
    ("protocols = [\"http/1.1\", \"http/1.1\"]", ["2:26: listener.protocols: is listed twice"]),
    (
      "protocols = [\"spdy/3\"]",
      [#"2:14: listener.protocols: expected one of "h2", "http/1.1", found "spdy/3""#]
    ),
  ])
  func diagnostics(text: String, expected: [String]) {
    #expect(diagnostics(of: "[[listener]]\n\(text)\n\(minimal)") == expected.map { "outrider.toml:\($0)" })
  }

  @Test(arguments: [
    (
      "names = [\"a\"]", ["5:1: listener.tls.sni.certificate is missing", "5:1: listener.tls.sni.key is missing"]
    ),
    (
      "certificate = \"c\"\nkey = \"k\"\nname = \"a\"",
      [
        "5:1: listener.tls.sni.names is missing",
        #"8:1: unknown key "listener.tls.sni.name"; did you mean "listener.tls.sni.names" or "plugin.name"?"#,
      ]
    ),
    (
      "certificate = \"c\"\nkey = \"k\"\nnames = [\"a..b\", \"*\", \"*.*.org\", \"-a.org\", \"é.org\", 1]",
      [
        #"8:10: listener.tls.sni.names: expected a host name such as "example.org" or "*.example.org", found "a..b""#,
        #"8:18: listener.tls.sni.names: expected a host name such as "example.org" or "*.example.org", found "*""#,
        #"8:23: listener.tls.sni.names: expected a host name such as "example.org" or "*.example.org", found "*.*.org""#,
        #"8:34: listener.tls.sni.names: expected a host name such as "example.org" or "*.example.org", found "-a.org""#,
        #"8:44: listener.tls.sni.names: expected a host name such as "example.org" or "*.example.org", found "é.org""#,
        "8:53: listener.tls.sni.names: expected text in quotes, found an integer",
      ]
    ),
    (
      "certificate = \"c\"\nkey = \"k\"\nnames = [\"a\"]\n[[listener.tls.sni]]\ncertificate = \"c\"\nkey = \"k\"\nnames = [\"A\"]",
      [#"12:9: listener.tls.sni.names: "a" has a certificate already (outrider.toml:8)"#]
    ),
  ])
  func faultsOfNames(text: String, expected: [String]) {
    let tls = "[[listener]]\n[listener.tls]\ncertificate = \"c\"\nkey = \"k\"\n[[listener.tls.sni]]\n"
    #expect(diagnostics(of: "\(tls)\(text)\n\(minimal)") == expected.map { "outrider.toml:\($0)" })
  }

  @Test func theListOfNamesIsOfTables() {
    #expect(
      diagnostics(of: "[[listener]]\ntls = { certificate = \"c\", key = \"k\", sni = 1 }\n\(minimal)") == [
        "outrider.toml:2:39: listener.tls.sni: expected tables, each headed [[listener.tls.sni]], found an integer"
      ])
  }

  private func diagnostics(of text: String) -> [String] { ConfigurationTests.diagnostics(sources(text)) }
}
