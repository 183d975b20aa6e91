extension Configuration {
  /// The effective configuration as TOML: every key with its value, and a comment with the value's origin.
  ///
  /// Reading it again gives equal settings.
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
      if plugin.value.application.isEmpty {
        append(plugin.value.config.table, of: plugin, to: &text)
      } else {
        append(PluginSettings.pythonSchema, plugin, to: &text) { "[\($0)]" }
      }
    }
    return text
  }

  /// - Parameter header: the header of a table; nil for a table that does not exist.
  private func append<Root>(
    _ schema: Schema<Root>, _ sourced: Sourced<Root>, to text: inout String, header: (String) -> String?
  ) {
    for table in schema.tables {
      guard let header = header(table) else { continue }
      text += "\n\(header)\n"
      let lines = schema.keys(of: table).filter { !$0.isFreeTable }.map { key in
        ("\(key.leaf) = \(key.text(sourced.value))", sourced.origin(of: key.name))
      }
      append(lines, to: &text)
    }
  }

  private func append(_ config: TOMLTable, of plugin: Sourced<PluginSettings>, to text: inout String) {
    if config.entries.isEmpty { return }
    text += "\n[plugin.config]\n"
    let lines = config.entries.map { entry in
      let flag = plugin.origins["plugin.config.\(entry.key)"]
      return (TOMLText.pair(entry), flag ?? file.map { .file(name: $0, position: entry.keyPosition) } ?? .builtIn)
    }
    append(lines, to: &text)
  }

  /// Appends each line with its origin. The origins of one table are aligned.
  private func append(_ lines: [(setting: String, origin: Origin)], to text: inout String) {
    let width = lines.map(\.setting.count).filter { $0 <= 40 }.max() ?? 0
    for line in lines {
      let space = String(repeating: " ", count: max(0, width - line.setting.count))
      // An origin may contain a file's name, which may contain any bytes.
      text += "\(line.setting)\(space)  # \(QuotedText.shortened(line.origin.description, to: 200))\n"
    }
  }
}
