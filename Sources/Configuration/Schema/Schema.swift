/// The keys of a table and of its subtables.
struct Schema<Root: Sendable>: Sendable {
  /// In the order of the manual and the dump.
  let keys: [KeyDescription<Root>]
  /// The tables that contain them, in the same order.
  let tables: [String]
  /// A value with all defaults; keys without one have an arbitrary value.
  let defaults: Root
  private let byName: [String: KeyDescription<Root>]

  init(room: Root, _ keys: [KeyDescription<Root>]) {
    self.keys = keys
    var tables: [String] = []
    var byName: [String: KeyDescription<Root>] = [:]
    var defaults = room
    for key in keys {
      if !tables.contains(key.table) { tables.append(key.table) }
      byName[key.name] = key
      // A test checks that every default is valid.
      if case .value(let text) = key.defaultValue { try? key.store(FlagValue.node(text), &defaults) }
    }
    self.tables = tables
    self.byName = byName
    self.defaults = defaults
  }

  subscript(name: String) -> KeyDescription<Root>? { byName[name] }

  /// The keys of one table, without those of its subtables.
  func keys(of table: String) -> [KeyDescription<Root>] { keys.filter { $0.table == table } }
}
