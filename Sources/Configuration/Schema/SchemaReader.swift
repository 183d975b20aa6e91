/// Reads the tables of one file into the values of a schema, continuing after errors.
struct SchemaReader {
  let file: String
  var diagnostics: DiagnosticList

  /// The arrays of tables, which are read separately.
  static let lists = ["listener", "plugin", ServerNameSettings.table]

  func origin(_ position: TextPosition) -> Origin { .file(name: file, position: position) }

  /// Reads the keys of `table`, whose name is `prefix`, and of its subtables.
  mutating func read<Root>(
    _ table: TOMLTable, named prefix: String, by schema: Schema<Root>, into sourced: inout Sourced<Root>
  ) {
    for entry in table.entries {
      let name = prefix.isEmpty ? entry.key : "\(prefix).\(entry.key)"
      let isQuotedName = entry.key.utf8.contains(UInt8(ascii: "."))
      if Self.lists.contains(name), !isQuotedName { continue }
      if let key = schema[name], !isQuotedName {
        do throws(ValueError) {
          try key.store(entry.node, &sourced.value)
          sourced.origins[name] = sourced.flag(name) ?? origin(entry.node.position)
        } catch {
          sourced.invalidKeys.insert(name)
          for diagnostic in error.diagnostics {
            diagnostics.add(sourced.flag(name) ?? origin(diagnostic.position), key: name, diagnostic.message)
          }
        }
      } else if schema.tables.contains(name), !isQuotedName {
        guard case .table(let inner) = entry.node.value else {
          diagnostics.add(origin(entry.node.position), "\(name): expected a table, found \(entry.node.typeName)")
          continue
        }
        sourced.origins[name] = origin(entry.keyPosition)
        read(inner, named: name, by: schema, into: &sourced)
      } else {
        diagnostics.add(sourced.flag(name) ?? origin(entry.keyPosition), Self.unknown(name, entry))
      }
    }
  }

  /// Reads the valid tables of `[[name]]`.
  ///
  /// - Parameters:
  ///   - key: the last part of the name, which is the key of the array in `table`.
  ///   - nested: reads the arrays of tables within each table.
  mutating func readList<Root>(
    named name: String, key: String, in table: TOMLTable, by schema: Schema<Root>,
    nested: (TOMLTable, inout SchemaReader) -> Void = { _, _ in }
  ) -> [Sourced<Root>] {
    guard let entry = table[key] else { return [] }
    guard case .array(let elements) = entry.node.value else {
      diagnostics.add(
        origin(entry.keyPosition), "\(name): expected tables, each headed [[\(name)]], found \(entry.node.typeName)")
      return []
    }
    var list: [Sourced<Root>] = []
    for element in elements {
      guard case .table(let table) = element.value else {
        diagnostics.add(
          origin(element.position), "\(name): expected tables, each headed [[\(name)]], found \(element.typeName)")
        continue
      }
      var sourced = Sourced(value: schema.defaults, origin: origin(element.position))
      read(table, named: name, by: schema, into: &sourced)
      nested(table, &self)
      list.append(sourced)
    }
    return list
  }

  private static func unknown(_ name: String, _ entry: TOMLEntry) -> String {
    let shown = QuotedText.shown(name)
    if entry.key.utf8.contains(UInt8(ascii: ".")) {
      return "unknown key \(shown): a dot in quotes does not separate tables"
    }
    let kind = if case .table = entry.node.value { "table" } else { "key" }
    return "unknown \(kind) \(shown)\(Suggestion.all.clause(for: name))"
  }
}
