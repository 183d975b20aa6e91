/// The pause of a plugin that has crashed too many workers.
package struct PluginPause: Sendable, Equatable {
  /// Its index in the configuration.
  package let plugin: Int
  /// The end of the pause, in monotonic nanoseconds.
  package let until: UInt64

  package init(plugin: Int, until: UInt64) {
    self.plugin = plugin
    self.until = until
  }

  package var fields: KeyedFields {
    var fields = KeyedFields()
    fields.set("plugin", plugin)
    fields.set("until", until)
    return fields
  }

  /// Nil if the fields are not those of a pause.
  package init?(_ fields: KeyedFields) {
    guard let plugin = fields.number("plugin", in: 0...MasterLimits.plugins - 1),
      let until: UInt64 = fields.number("until")
    else { return nil }
    self.init(plugin: plugin, until: until)
  }
}
