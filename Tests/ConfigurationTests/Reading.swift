import Configuration

/// A file that is valid with what is appended to it.
let minimal = "[[plugin]]\npath = \"/p/hello.so\"\n"

/// The sources of a file called `outrider.toml`, with flags.
func sources(_ text: String?, _ overrides: ConfigurationSources.Override...) -> ConfigurationSources {
  ConfigurationSources(
    file: text.map { .init(name: "outrider.toml", bytes: Array($0.utf8)) }, overrides: overrides,
    workingDirectory: "/srv")
}

func set(_ key: String, _ value: String) -> ConfigurationSources.Override {
  .init(key: key, value: value, origin: "--set")
}

func settings(_ text: String) throws(ConfigurationError) -> Settings { try sources(text).read().settings }

/// What `outrider -t` would print.
func diagnostics(_ sources: ConfigurationSources) -> [String] {
  do throws(ConfigurationError) {
    _ = try sources.read()
    return []
  } catch {
    return error.diagnostics.map(\.description)
  }
}

/// The diagnostics of a file to which a plugin is appended, so that this one is not missing.
func diagnostics(_ text: String) -> [String] { diagnostics(sources("\(text)\n\(minimal)")) }

/// Whether the peer with this address in network order is trusted. A macro can't take a span.
func isTrusted(_ address: [UInt8], by peers: TrustedPeers) -> Bool { peers.contains(address.span) }
