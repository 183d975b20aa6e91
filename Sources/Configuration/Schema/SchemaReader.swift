/// Reads the tables of one file into the values of a schema, going on after each fault.
struct SchemaReader {
  let file: String
  var faults: FaultList

  /// The arrays of tables, which are read on their own.
  static let lists = ["listener", "plugin", ServerNameSettings.table]

  func origin(_ position: TextPosition) -> Origin { .file(name: file, position: position) }

  /// Reads the keys of `table`, whose own name is `prefix`, and of the tables in it.
  mutating func read<Root>(
    _ table: TOMLTable, named prefix: String, by schema: Schema<Root>, into traced: inout Traced<Root>
  ) {
    for entry in table.entries {
      let name = prefix.isEmpty ? entry.key : "\(prefix).\(entry.key)"
      let isQuotedName = entry.key.utf8.contains(UInt8(ascii: "."))
      if Self.lists.contains(name), !isQuotedName { continue }
      if let key = schema[name], !isQuotedName {
        do throws(ValueFaults) {
          try key.store(entry.node, &traced.value)
          traced.origins[name] = origin(entry.node.position)
        } catch {
          traced.faulty.insert(name)
          for fault in error.faults { faults.add(origin(fault.position), key: name, fault.message) }
        }
      } else if schema.tables.contains(name), !isQuotedName {
        guard case .table(let inner) = entry.node.value else {
          faults.add(origin(entry.node.position), "\(name): expected a table, found \(entry.node.typeName)")
          continue
        }
        traced.origins[name] = origin(entry.keyPosition)
        read(inner, named: name, by: schema, into: &traced)
      } else {
        faults.add(origin(entry.keyPosition), Self.unknown(name, entry))
      }
    }
  }

  /// Reads `[[name]]`: each of its tables that can be.
  ///
  /// - Parameters:
  ///   - key: the name's last part, by which `table` holds the list.
  ///   - nested: reads what else is in each of the tables.
  mutating func readList<Root>(
    named name: String, key: String, in table: TOMLTable, by schema: Schema<Root>,
    nested: (TOMLTable, inout SchemaReader) -> Void = { _, _ in }
  ) -> [Traced<Root>] {
    guard let entry = table[key] else { return [] }
    guard case .array(let elements) = entry.node.value else {
      faults.add(
        origin(entry.keyPosition), "\(name): expected tables, each headed [[\(name)]], found \(entry.node.typeName)")
      return []
    }
    var list: [Traced<Root>] = []
    for element in elements {
      guard case .table(let table) = element.value else {
        faults.add(
          origin(element.position), "\(name): expected tables, each headed [[\(name)]], found \(element.typeName)")
        continue
      }
      var traced = Traced(value: schema.defaults, origin: origin(element.position))
      read(table, named: name, by: schema, into: &traced)
      nested(table, &self)
      list.append(traced)
    }
    return list
  }

  private static func unknown(_ name: String, _ entry: TOMLEntry) -> String {
    let shown = QuotedText.shown(name)
    if entry.key.utf8.contains(UInt8(ascii: ".")) {
      return "unknown key \(shown): in quotes, its dot does not lead into a table"
    }
    let kind = if case .table = entry.node.value { "table" } else { "key" }
    return "unknown \(kind) \(shown)\(Suggestion.all.clause(for: name))"
  }
}
