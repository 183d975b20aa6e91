/// A position in a file: line and column from 1; columns count code points.
package struct TextPosition: Sendable, Hashable, Comparable {
  package let line: Int
  package let column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  /// The position of errors about a whole file.
  static let start = TextPosition(line: 1, column: 1)

  package static func < (one: TextPosition, other: TextPosition) -> Bool {
    (one.line, one.column) < (other.line, other.column)
  }
}

/// A TOML value and its position.
struct TOMLNode: Sendable {
  let value: TOMLValue
  let position: TextPosition

  /// The type's name in messages, with its article.
  var typeName: String {
    switch value {
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a float"
    case .boolean: "a boolean"
    case .date: "a date"
    case .array: "an array"
    case .table: "a table"
    }
  }
}

/// Nodes are equal if their values are, regardless of their positions.
extension TOMLNode: Equatable {
  static func == (one: TOMLNode, other: TOMLNode) -> Bool { one.value == other.value }
}

enum TOMLValue: Sendable, Equatable {
  case string(String)
  case integer(Int64)
  case float(Double)
  case boolean(Bool)
  /// A date, a time, or both, in TOML's format.
  case date(String)
  case array([TOMLNode])
  case table(TOMLTable)
}

/// The keys of a table, sorted by name.
struct TOMLTable: Sendable, Equatable {
  var entries: [TOMLEntry] = []

  subscript(key: some StringProtocol) -> TOMLEntry? { entries.first { $0.key == key } }
}

/// A key with its value.
struct TOMLEntry: Sendable {
  let key: String
  let keyPosition: TextPosition
  let node: TOMLNode
}

extension TOMLEntry: Equatable {
  static func == (one: TOMLEntry, other: TOMLEntry) -> Bool { one.key == other.key && one.node == other.node }
}
