import Glibc
import Platform

/// A listener that a master serves: its name, and the options that the supervisor applies to the socket.
package struct ListenerSpec: Sendable {
  package let name: String
  package let options: ListeningSocket.Options

  package init(name: String, options: ListeningSocket.Options) {
    self.name = name
    self.options = options
  }

  package var fields: KeyedFields {
    var fields = KeyedFields()
    fields.set("name", name)
    fields.set("backlog", options.backlog)
    fields.set("mode", options.mode)
    fields.set("owner", options.owner)
    fields.set("group", options.group)
    return fields
  }

  /// Nil if the fields are not those of a listener.
  package init?(_ fields: KeyedFields) {
    guard let name = fields["name"], let backlog = fields.number("backlog", in: 0...CInt.max),
      let mode = fields.number("mode", in: 0...mode_t(0o7777))
    else { return nil }
    self.init(
      name: name,
      options: ListeningSocket.Options(
        backlog: backlog, mode: mode, owner: fields.number("owner"), group: fields.number("group")))
  }
}
