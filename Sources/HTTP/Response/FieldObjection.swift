// Explains for the log why `FieldValidation.check` refuses fields. Called only after a refusal.

extension FieldValidation {
  /// The refused field and the broken rule; nil if no field is refused.
  package static func objection(to fields: Fields, for section: Section) -> String? {
    var hasLength = false
    for index in 0..<fields.count {
      let field = fields[index]
      let rule: String?
      if !field.name.isWellFormed || !field.value.isWellFormed {
        rule = "has NULL for bytes that it counts, or a negative size"
      } else if field.name.isEmpty {
        rule = "has no name"
      } else {
        let isLength = known(field) == .contentLength
        rule = isLength && hasLength && section == .final ? "is there twice" : objection(to: field, section)
        hasLength = hasLength || isLength
      }
      if let rule { return "field \(index) \(shown(field)) \(rule)" }
    }
    return check(fields, for: section) == nil ? "the fields are longer than 64 MiB together" : nil
  }

  private static func shown(_ field: Field) -> String {
    field.name.isWellFormed ? "\"\(field.name.escaped(limit: 64))\"" : "?"
  }

  private static func known(_ field: Field) -> KnownField {
    KnownField.mayBe(field.name) ? KnownField(exactly: field.name) : .other
  }

  /// The broken rule of a field whose name and value can be read.
  private static func objection(to field: Field, _ section: Section) -> String? {
    if isAccepted(field, section) { return nil }
    let known = known(field)
    if known == .other && !isAccepted(Field(name: field.name, value: .empty), section) {
      return "has a name that is not a token (RFC 9110 section 5.1)"
    }
    if known.belongsToConnection { return "belongs to the connection, which is the server's" }
    switch (known, section) {
    case (.contentLength, .final): return "is not a number of bytes: \"\(field.value.escaped(limit: 32))\""
    case (.contentLength, .informational), (.trailer, .informational):
      return "has no place in an informational response"
    case (_, .trailers) where known.isForbiddenInTrailers: return "must not come in trailers (RFC 9110 section 6.5.1)"
    default: return "has a control character in its value, or white space at an end of it (RFC 9110 section 5.5)"
    }
  }

  private static func isAccepted(_ field: Field, _ section: Section) -> Bool {
    unsafe withUnsafePointer(to: field) { unsafe check(Fields(base: $0, count: 1), for: section) != nil }
  }
}
