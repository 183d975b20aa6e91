/// A plugin that a master has loaded, as the control socket shows it.
package struct PluginInfo: Sendable, Equatable {
  /// `plugin.name`, which is the label in metrics.
  package let name: String
  package let mount: String
  package let path: String
  /// The plugin's own name and version.
  package let title: String
  /// `blocking`, `event`, or both.
  package let styles: String

  package init(name: String, mount: String, path: String, title: String, styles: String) {
    self.name = name
    self.mount = mount
    self.path = path
    self.title = title
    self.styles = styles
  }

  /// Texts that are too long for a message are truncated: they are only displayed.
  package var fields: KeyedFields {
    var fields = KeyedFields()
    fields.set("name", name, room: 512)
    fields.set("mount", mount, room: 512)
    fields.set("path", path, room: 2048)
    fields.set("title", title, room: 512)
    fields.set("styles", styles, room: 64)
    return fields
  }

  /// Nil if the fields are not those of a plugin.
  package init?(_ fields: KeyedFields) {
    guard let name = fields["name"], let mount = fields["mount"], let path = fields["path"],
      let title = fields["title"], let styles = fields["styles"]
    else { return nil }
    self.init(name: name, mount: mount, path: path, title: title, styles: styles)
  }
}
