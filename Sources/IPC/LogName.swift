/// The logs of a server.
package enum LogName: String, Sendable {
  case error
  case access

  package var fields: KeyedFields {
    var fields = KeyedFields()
    fields.set("name", rawValue)
    return fields
  }

  /// Nil for a log of a later version.
  package init?(_ fields: KeyedFields) {
    guard let name = fields["name"].flatMap({ LogName(rawValue: $0) }) else { return nil }
    self = name
  }
}
