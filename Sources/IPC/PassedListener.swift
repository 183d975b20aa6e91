/// The name of a listening socket that is passed between processes.
package struct PassedListener: Sendable, Equatable {
  /// The name of its bind setting, or `fd:N` for one that the supervisor was started with.
  package let name: String
  /// Its name in systemd, if systemd has passed it.
  package let systemdName: String?

  package init(name: String, systemdName: String? = nil) {
    self.name = name
    self.systemdName = systemdName
  }

  package var fields: KeyedFields {
    var fields = KeyedFields()
    fields.set("name", name)
    fields.set("systemd_name", systemdName)
    return fields
  }

  /// Nil if the fields contain no name.
  package init?(_ fields: KeyedFields) {
    guard let name = fields["name"] else { return nil }
    self.init(name: name, systemdName: fields["systemd_name"])
  }
}
