import Configuration
import Testing

@Suite struct DefaultsTests {
  /// The values of outrider.toml(5), on which operators rely.
  @Test func defaultsAreThoseOfTheManual() throws {
    let settings = try settings(minimal)
    #expect(settings.server.workers == .fixed(1))
    #expect(settings.server.workerModel == .async)
    #expect(settings.server.threads == 4)
    #expect(settings.server.workerConnections == 1000)
    #expect(settings.server.queue == 64)
    #expect(settings.server.backlog == 2048)
    #expect(settings.server.bootTimeout == 30_000_000_000)
    #expect(settings.server.gracefulTimeout == 30_000_000_000)
    #expect(settings.server.restartBackoff == 100_000_000)
    #expect(settings.timeouts.head == 10_000_000_000)
    #expect(settings.timeouts.body == 30_000_000_000)
    #expect(settings.timeouts.write == 30_000_000_000)
    #expect(settings.timeouts.keepalive == 5_000_000_000)
    #expect(settings.timeouts.request == 0)
    #expect(settings.limits.requestLine == 8192)
    #expect(settings.limits.fieldSize == 8192)
    #expect(settings.limits.fields == 100)
    #expect(settings.limits.head == 32768)
    #expect(settings.limits.body == 1_073_741_824)
    #expect(settings.limits.chunkExtension == 1024)
    #expect(settings.limits.drain == 65536)
    #expect(settings.limits.output == 262_144)
    #expect(settings.limits.minRate == 240)
    #expect(settings.http.underscoreFields == .drop)
    #expect(!settings.http.abortOnHalfClose)
    #expect(settings.proxy.fields == [.xForwardedFor, .xForwardedProto])
    #expect(settings.earlyHints.enabled)
    #expect(settings.earlyHints.http1 == .auto)
    #expect(settings.earlyHints.audience == .all)
    #expect(settings.earlyHints.maxPerRequest == 5)
    #expect(settings.earlyHints.maxBytes == 8192)
    #expect(settings.log.level == .info)
    #expect(settings.listeners.map(\.bind.description) == ["127.0.0.1:8000"])
    #expect(settings.listeners.map(\.earlyHints) == [.auto])
    #expect(isTrusted([127, 0, 0, 1], by: settings.proxy.trusted))
    #expect(settings.proxy.trusted.contains(try #require(IPAddress("::1"))))
    #expect(!settings.proxy.trusted.includesUnixPeers)
  }

  @Test func defaultsOfThePluginAndListener() throws {
    let settings = try settings("\(minimal)[[listener]]\n")
    #expect(settings.plugins.map(\.name) == ["hello"])
    #expect(settings.plugins.map(\.mount) == ["/"])
    #expect(settings.plugins.map(\.config.json) == [Array("{}".utf8)])
    #expect(settings.listeners.map(\.bind.description) == ["127.0.0.1:8000"])
  }

  @Test func defaultsOfTheTypeAreThoseOfAnEmptyFile() throws {
    var settings = try settings(minimal)
    settings.plugins = []
    // Where there is a file, there is a control socket.
    #expect(settings.control.socket == Settings.Control.defaultSocket)
    settings.control.socket = Settings.defaults.control.socket
    #expect(settings == Settings.defaults)
  }

  @Test func everyKeyIsDocumented() {
    let keys = KeyDocumentation.all
    #expect(Set(keys.map(\.name)).count == keys.count)
    for key in keys {
      #expect(key.documentation.hasSuffix("."), "\(key.name)")
      #expect(!key.form.isEmpty, "\(key.name)")
    }
    #expect(keys.first { $0.name == "timeouts.head" }?.defaultValue == "\"10s\"")
    #expect(keys.first { $0.name == "timeouts.head" }?.form == "duration from 1ms to 1h")
    #expect(keys.first { $0.name == "server.worker_model" }?.defaultValue == "\"async\"")
  }

  /// A default that its own key refuses would be passed over in silence, so each is given to the key again.
  @Test func everyDefaultIsAValidValue() throws {
    var text = ""
    // The control socket's depends on whether there is a file, and is in words.
    let other = ["plugin.", "listener.", "control.socket"]
    for key in KeyDocumentation.all where !other.contains(where: key.name.hasPrefix) {
      text += "\(key.name) = \(try #require(key.defaultValue))\n"
    }
    #expect(try settings("\(text)\(minimal)") == settings(minimal))
  }
}
