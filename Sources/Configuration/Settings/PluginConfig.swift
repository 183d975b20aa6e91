/// A value of `[plugin.config]`, by the types of the plugin ABI.
package enum PluginConfigValue: Sendable, Equatable {
  /// UTF-8.
  case string([UInt8])
  case integer(Int64)
  case boolean(Bool)
  /// A float, a date, an array or a table: available only as JSON.
  case other
}

/// The table `[plugin.config]`. Its content is up to the plugin; its depth is limited.
package struct PluginConfig: Sendable, Equatable {
  /// The maximum nesting of arrays and tables, so that the dump's single line can be parsed again.
  static let depthLimit = TOMLNesting.limit

  let table: TOMLTable
  /// The table as a JSON object in UTF-8; `{}` if there is none. Dates are strings.
  package let json: [UInt8]

  /// No configuration.
  package init() {
    table = TOMLTable()
    json = Array("{}".utf8)
  }

  /// Rejects values that JSON can't represent, and nesting beyond `depthLimit`.
  init(_ table: TOMLTable) throws(ValueError) {
    var text = JSONText()
    text.append(table, depth: 0)
    guard text.diagnostics.isEmpty else { throw ValueError(text.diagnostics) }
    self.table = table
    json = text.bytes
  }

  /// The value at `key`, in which dots separate tables; nil if there is none. A key that itself contains a dot can't be
  /// looked up.
  package func value(forDottedKey key: String) -> PluginConfigValue? {
    var table = table
    var value: TOMLValue?
    for part in key.split(separator: ".", omittingEmptySubsequences: false) {
      if let value {
        guard case .table(let inner) = value else { return nil }
        table = inner
      }
      guard let entry = table[part] else { return nil }
      value = entry.node.value
    }
    switch value {
    case .string(let text): return .string(Array(text.utf8))
    case .integer(let number): return .integer(number)
    case .boolean(let flag): return .boolean(flag)
    case .float, .date, .array, .table: return .other
    case nil: return nil
    }
  }
}

/// Writes TOML as JSON (RFC 8259).
private struct JSONText {
  var bytes: [UInt8] = []
  /// Errors of values that JSON can't represent.
  var diagnostics: [ValueDiagnostic] = []

  mutating func append(_ table: TOMLTable, depth: Int) {
    append("{")
    for (index, entry) in table.entries.enumerated() {
      if index > 0 { append(",") }
      append(QuotedText.json(entry.key))
      append(":")
      append(entry.node, depth: depth)
    }
    append("}")
  }

  private mutating func append(_ node: TOMLNode, depth: Int) {
    switch node.value {
    case .string(let text), .date(let text): append(QuotedText.json(text))
    case .integer(let number): append("\(number)")
    case .float(let number):
      if !number.isFinite { refuse(node, "nan and inf have no form in JSON, as which plugins get their configuration") }
      append("\(number)")
    case .boolean(let flag): append("\(flag)")
    case .array, .table:
      if depth == PluginConfig.depthLimit {
        refuse(node, "arrays and tables more than \(PluginConfig.depthLimit) deep")
      } else if case .table(let table) = node.value {
        append(table, depth: depth + 1)
      } else if case .array(let elements) = node.value {
        append("[")
        for (index, element) in elements.enumerated() {
          if index > 0 { append(",") }
          append(element, depth: depth + 1)
        }
        append("]")
      }
    }
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func refuse(_ node: TOMLNode, _ message: String) {
    diagnostics.append(ValueDiagnostic(position: node.position, message: message))
  }
}
