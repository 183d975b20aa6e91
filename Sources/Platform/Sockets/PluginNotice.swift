/// What a master says of a plugin that it has loaded: for people, by way of the control socket.
package struct PluginNotice: Sendable, Equatable {
  /// As configured; metrics call it so.
  package let name: String
  package let mount: String
  package let path: String
  /// What the plugin calls itself, and its version.
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

  /// As it goes over the channel: a line each.
  package var text: String { [name, mount, path, title, styles].joined(separator: "\n") }

  /// Nil for text of another form.
  package init?(text: String) {
    // By bytes: a line's end within a Character is one too.
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard lines.count == 5 else { return nil }
    self.init(name: lines[0], mount: lines[1], path: lines[2], title: lines[3], styles: lines[4])
  }
}
