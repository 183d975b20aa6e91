extension Configuration {
  /// The effective configuration as TOML: every key with its value, and a comment that says where that came from.
  ///
  /// Read again, it gives equal settings.
  package func dump() -> String {
    var text = "# The effective configuration of Outrider. A comment tells where each value came from.\n"
    append(Settings.schema, general, to: &text) { "[\($0)]" }
    for listener in listeners {
      let isSecure = listener.settings.value.tls.isEnabled
      append(ListenerSettings.schema, listener.settings, to: &text) { table in
        table == "listener" ? "[[listener]]" : isSecure ? "[\(table)]" : nil
      }
      for name in listener.names { append(ServerNameSettings.schema, name, to: &text) { "[[\($0)]]" } }
    }
    for plugin in plugins {
      append(PluginSettings.schema, plugin, to: &text) { $0 == "plugin" ? "[[plugin]]" : "[\($0)]" }
      append(plugin.value.config.table, to: &text)
    }
    return text
  }

  /// - Parameter header: what a table begins with; nil for one that is not there.
  private func append<Root>(
    _ schema: Schema<Root>, _ traced: Traced<Root>, to text: inout String, header: (String) -> String?
  ) {
    for table in schema.tables {
      guard let header = header(table) else { continue }
      text += "\n\(header)\n"
      let lines = schema.keys(of: table).filter { !$0.isFreeTable }.map { key in
        ("\(key.leaf) = \(key.text(traced.value))", traced.origin(of: key.name))
      }
      append(lines, to: &text)
    }
  }

  private func append(_ config: TOMLTable, to text: inout String) {
    if config.entries.isEmpty { return }
    text += "\n[plugin.config]\n"
    let lines = config.entries.map { entry in
      (TOMLText.pair(entry), file.map { Origin.file(name: $0, position: entry.keyPosition) } ?? .builtIn)
    }
    append(lines, to: &text)
  }

  /// Appends each line with its origin, those of one table aligned.
  private func append(_ lines: [(setting: String, origin: Origin)], to text: inout String) {
    let width = lines.map(\.setting.count).filter { $0 <= 40 }.max() ?? 0
    for line in lines {
      let space = String(repeating: " ", count: max(0, width - line.setting.count))
      // An origin may hold a file's name, and that anything.
      text += "\(line.setting)\(space)  # \(QuotedText.shortened(line.origin.description, to: 200))\n"
    }
  }
}
