/// Suggests existing keys for one that does not exist.
struct Suggestion {
  private let names: [String]

  /// - Parameter names: the dotted names of all keys and tables.
  init(names: [String]) { self.names = names }

  /// All keys and tables, including those in arrays of tables.
  static let all = Suggestion(
    names: Settings.schema.tables + Settings.schema.keys.map(\.name) + ListenerSettings.schema.tables
      + ListenerSettings.schema.keys.map(\.name) + ServerNameSettings.schema.tables
      + ServerNameSettings.schema.keys.map(\.name) + PluginSettings.schema.tables
      + PluginSettings.schema.keys.map(\.name) + PluginSettings.pythonSchema.keys.map(\.name)
  )

  /// `; did you mean "server.workers"?`, or an empty string.
  func clause(for name: String) -> String {
    let near = nearest(to: name)
    if near.isEmpty { return "" }
    return "; did you mean \(near.map { "\"\($0)\"" }.joined(separator: " or "))?"
  }

  /// The names closest to `name`: those that differ by a few letters, or only by their table. At most three.
  func nearest(to name: String) -> [String] {
    let table = DottedName.table(of: name)
    let leaf = DottedName.leaf(of: name)
    let allowed = Self.tolerance(leaf)
    var best = Int.max
    var found: [String] = []
    for candidate in names {
      let isSameTable = DottedName.table(of: candidate) == table
      // Another table costs one letter, so that a similar name in the same table is preferred to a less similar one in
      // another.
      let leafDistance = Self.distance(leaf, DottedName.leaf(of: candidate)) + (isSameTable ? 0 : 1)
      let distance = min(leafDistance, Self.distance(name, candidate))
      if distance > allowed || distance > best { continue }
      if distance < best { found = [] }
      best = distance
      found.append(candidate)
    }
    return Array(found.prefix(3))
  }

  /// How many letters may differ: fewer in short names, most of which would otherwise be close to each other.
  private static func tolerance(_ name: String) -> Int {
    switch name.utf8.count {
    case ...3: 1
    case ...5: 2
    default: 3
    }
  }

  /// The number of letters to insert, delete, replace, or exchange with their neighbour, to change one name into the
  /// other (optimal string alignment). Names that are too long to be close are not compared.
  static func distance(_ one: String, _ other: String) -> Int {
    let (one, other) = (Array(one.utf8), Array(other.utf8))
    guard one.count <= 64, other.count <= 64 else { return .max - 1 }
    var beforeLast: [Int] = []
    var last = Array(0...other.count)
    for row in one.indices {
      var current = [row + 1]
      for column in other.indices {
        var least = min(
          last[column + 1] + 1, current[column] + 1, last[column] + (one[row] == other[column] ? 0 : 1))
        if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
          least = min(least, beforeLast[column - 1] + 1)
        }
        current.append(least)
      }
      beforeLast = last
      last = current
    }
    return last[other.count]
  }
}
