/// The manual's description of a key.
package struct KeyDocumentation: Sendable, Hashable {
  /// The dotted name, such as `timeouts.head`.
  package let name: String
  /// The header of its table in the file, such as `[timeouts]` or `[[listener]]`.
  package let table: String
  /// Its name in that table, such as `head`.
  package let leaf: String
  /// The form, such as `duration from 1ms to 1h`.
  package let form: String
  /// TOML or a description; nil for a mandatory key.
  package let defaultValue: String?
  package let documentation: String

  /// All keys.
  package static var all: [KeyDocumentation] {
    all(of: Settings.schema) + all(of: ListenerSettings.schema, repeated: "listener")
      + all(of: ServerNameSettings.schema, repeated: ServerNameSettings.table)
      + all(of: PluginSettings.schema, repeated: "plugin")
      + all(of: PluginSettings.pythonSchema, heading: "[plugin.config] with plugin.python")
  }

  /// - Parameters:
  ///   - repeated: the table that a file may contain several times.
  ///   - heading: replaces the name of the table.
  private static func all<Root>(
    of schema: Schema<Root>, repeated: String? = nil, heading: String? = nil
  ) -> [KeyDocumentation] {
    schema.keys.map { key in
      let defaultValue: String? =
        switch key.defaultValue {
        case .value: key.text(schema.defaults)
        case .derived(let words): words
        case .required: nil
        }
      return KeyDocumentation(
        name: key.name, table: heading ?? (key.table == repeated ? "[[\(key.table)]]" : "[\(key.table)]"),
        leaf: key.leaf,
        form: key.summary, defaultValue: defaultValue, documentation: key.documentation)
    }
  }
}
