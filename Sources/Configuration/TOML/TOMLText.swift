/// Writes values as TOML, each on one line.
enum TOMLText {
  static func value(_ value: TOMLValue) -> String {
    switch value {
    case .string(let text): QuotedText.toml(text)
    case .integer(let number): "\(number)"
    case .float(let number): "\(number)"
    case .boolean(let flag): "\(flag)"
    case .date(let text): text
    case .array(let elements): "[\(elements.map { self.value($0.value) }.joined(separator: ", "))]"
    case .table(let table) where table.entries.isEmpty: "{}"
    case .table(let table): "{ \(table.entries.map(pair).joined(separator: ", ")) }"
    }
  }

  /// `key = value`.
  static func pair(_ entry: TOMLEntry) -> String { "\(QuotedText.tomlKey(entry.key)) = \(value(entry.node.value))" }
}
