/// Reads the tables of one file into the values of a schema, going on after each fault.
struct SchemaReader {
  let file: String
  var faults: FaultList

  /// The arrays of tables at the root, which are read on their own.
  static let lists = ["listener", "plugin"]

  func origin(_ position: TextPosition) -> Origin { .file(name: file, position: position) }

  /// Reads the keys of `table`, whose own name is `prefix`, and of the tables in it.
  mutating func read<Root>(
    _ table: TOMLTable, named prefix: String, by schema: Schema<Root>, into traced: inout Traced<Root>
  ) {
    for entry in table.entries {
      let name = prefix.isEmpty ? entry.key : "\(prefix).\(entry.key)"
      if prefix.isEmpty, Self.lists.contains(name) { continue }
      let isQuotedName = entry.key.utf8.contains(UInt8(ascii: "."))
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
        read(inner, named: name, by: schema, into: &traced)
      } else {
        faults.add(origin(entry.keyPosition), Self.unknown(name, entry))
      }
    }
  }

  /// Reads `[[name]]`: each of its tables that can be.
  mutating func readList<Root>(named name: String, in root: TOMLTable, by schema: Schema<Root>) -> [Traced<Root>] {
    guard let entry = root[name] else { return [] }
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
