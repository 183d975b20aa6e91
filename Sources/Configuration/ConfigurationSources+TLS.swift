/// A listener with its arrays of tables.
struct SourcedListener: Sendable {
  var settings: Sourced<ListenerSettings>
  /// The tables of `[[listener.tls.sni]]`.
  var names: [Sourced<ServerNameSettings>] = []
}

extension SchemaReader {
  /// Reads the `[[listener.tls.sni]]` of a listener's table.
  mutating func readServerNames(of listener: TOMLTable) -> [Sourced<ServerNameSettings>] {
    guard case .table(let tls)? = listener["tls"]?.node.value else { return [] }
    return readList(named: ServerNameSettings.table, key: "sni", in: tls, by: ServerNameSettings.schema)
  }
}

extension ConfigurationSources {
  /// Checks the constraints of `[listener.tls]`, and makes its paths absolute.
  func checkTLS(_ listener: inout SourcedListener, _ diagnostics: inout DiagnosticList) {
    guard let origin = listener.settings.origins["listener.tls"] else { return }
    let tls = listener.settings
    for key in ["listener.tls.certificate", "listener.tls.key"] where !tls.has(key) {
      diagnostics.add(origin, "\(key) is missing")
    }
    if tls.value.tls.clientAuth != .none, tls.value.tls.clientCA.isEmpty,
      !tls.invalidKeys.contains("listener.tls.client_ca")
    {
      diagnostics.add(
        tls.origin(of: "listener.tls.client_auth"), key: "listener.tls.client_auth",
        "\"\(tls.value.tls.clientAuth.rawValue)\" needs listener.tls.client_ca")
    }
    listener.settings.value.tls.certificate = resolve(tls.value.tls.certificate)
    listener.settings.value.tls.key = resolve(tls.value.tls.key)
    listener.settings.value.tls.clientCA = resolve(tls.value.tls.clientCA)
    var taken: [String: Origin] = [:]
    for index in listener.names.indices {
      check(listener.names[index], &taken, &diagnostics)
      listener.names[index].value.certificate = resolve(listener.names[index].value.certificate)
      listener.names[index].value.key = resolve(listener.names[index].value.key)
    }
  }

  private func check(
    _ entry: Sourced<ServerNameSettings>, _ taken: inout [String: Origin], _ diagnostics: inout DiagnosticList
  ) {
    let table = ServerNameSettings.table
    for key in ["\(table).names", "\(table).certificate", "\(table).key"] where !entry.has(key) {
      diagnostics.add(entry.origin, "\(key) is missing")
    }
    let origin = entry.origin(of: "\(table).names")
    for name in entry.value.names {
      if let first = taken[name] {
        diagnostics.add(origin, key: "\(table).names", "\(QuotedText.shown(name)) has a certificate already (\(first))")
      } else {
        taken[name] = origin
      }
    }
  }

  private func resolve(_ path: String) -> String {
    path.isEmpty ? "" : PluginSettings.resolve(path, in: fileDirectory)
  }
}

extension Sourced {
  /// Whether the key was set, to a valid or invalid value.
  func has(_ key: String) -> Bool { origins[key] != nil || invalidKeys.contains(key) }
}
