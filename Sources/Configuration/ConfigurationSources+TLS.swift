/// A listener with the tables in it that are listed.
struct TracedListener: Sendable {
  var settings: Traced<ListenerSettings>
  /// Its `[[listener.tls.sni]]`.
  var names: [Traced<ServerNameSettings>] = []
}

extension SchemaReader {
  /// The `[[listener.tls.sni]]` of one listener's table.
  mutating func readServerNames(of listener: TOMLTable) -> [Traced<ServerNameSettings>] {
    guard case .table(let tls)? = listener["tls"]?.node.value else { return [] }
    return readList(named: ServerNameSettings.table, key: "sni", in: tls, by: ServerNameSettings.schema)
  }
}

extension ConfigurationSources {
  /// What has to hold within `[listener.tls]`; paths become absolute.
  func checkTLS(_ listener: inout TracedListener, _ faults: inout FaultList) {
    guard let origin = listener.settings.origins["listener.tls"] else { return }
    let tls = listener.settings
    for key in ["listener.tls.certificate", "listener.tls.key"] where !tls.has(key) {
      faults.add(origin, "\(key) is missing")
    }
    if tls.value.tls.clientAuth != .none, tls.value.tls.clientCA.isEmpty, !tls.faulty.contains("listener.tls.client_ca")
    {
      faults.add(
        tls.origin(of: "listener.tls.client_auth"), key: "listener.tls.client_auth",
        "\"\(tls.value.tls.clientAuth.rawValue)\" needs listener.tls.client_ca")
    }
    listener.settings.value.tls.certificate = resolve(tls.value.tls.certificate)
    listener.settings.value.tls.key = resolve(tls.value.tls.key)
    listener.settings.value.tls.clientCA = resolve(tls.value.tls.clientCA)
    var taken: [String: Origin] = [:]
    for index in listener.names.indices {
      check(listener.names[index], &taken, &faults)
      listener.names[index].value.certificate = resolve(listener.names[index].value.certificate)
      listener.names[index].value.key = resolve(listener.names[index].value.key)
    }
  }

  private func check(
    _ entry: Traced<ServerNameSettings>, _ taken: inout [String: Origin], _ faults: inout FaultList
  ) {
    let table = ServerNameSettings.table
    for key in ["\(table).names", "\(table).certificate", "\(table).key"] where !entry.has(key) {
      faults.add(entry.origin, "\(key) is missing")
    }
    let origin = entry.origin(of: "\(table).names")
    for name in entry.value.names {
      if let first = taken[name] {
        faults.add(origin, key: "\(table).names", "\(QuotedText.shown(name)) has a certificate already (\(first))")
      } else {
        taken[name] = origin
      }
    }
  }

  private func resolve(_ path: String) -> String {
    path.isEmpty ? "" : PluginSettings.resolve(path, in: fileDirectory)
  }
}

extension Traced {
  /// Somebody set it, well or not.
  func has(_ key: String) -> Bool { origins[key] != nil || faulty.contains(key) }
}
