/// Records of fields as text: a line `[kind]` for each, followed by its fields.
package struct KeyedRecords: Sendable {
  package struct Record: Sendable, Equatable {
    package let kind: String
    package var fields: KeyedFields

    package init(_ kind: String, _ fields: KeyedFields = KeyedFields()) {
      self.kind = kind
      self.fields = fields
    }
  }

  /// Further records make the text malformed.
  package static let maxCount = 1 << 17

  package private(set) var all: [Record] = []

  package init() {}

  /// Nil for malformed text.
  package init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard all.count < KeyedRecords.maxCount, rest.popFirst() == UInt8(ascii: "["),
        let end = rest.firstIndex(of: UInt8(ascii: "\n")), let kind = KeyedRecords.kind(rest[..<end])
      else { return nil }
      rest = rest[(end + 1)...]
      var last = rest.startIndex
      // No key begins with `[`.
      while last < rest.endIndex, rest[last] != UInt8(ascii: "[") {
        guard let end = rest[last...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        last = end + 1
      }
      guard let fields = KeyedFields(rest[..<last]) else { return nil }
      all.append(Record(kind, fields))
      rest = rest[last...]
    }
  }

  package var bytes: [UInt8] { all.flatMap { Array("[\($0.kind)]\n".utf8) + $0.fields.bytes } }

  package mutating func append(_ kind: String, _ fields: KeyedFields) { all.append(Record(kind, fields)) }

  /// The first record of a kind.
  package subscript(_ kind: String) -> KeyedFields? { all.first { $0.kind == kind }?.fields }

  /// All records of a kind, in the order of the text.
  package func of(_ kind: String) -> [KeyedFields] { all.filter { $0.kind == kind }.map(\.fields) }

  /// The text between the brackets of a line.
  private static func kind(_ line: ArraySlice<UInt8>) -> String? {
    guard line.last == UInt8(ascii: "]"), (1...KeyedFields.maxKeyLength).contains(line.count - 1),
      line.dropLast().allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_") })
    else { return nil }
    return String(decoding: line.dropLast(), as: UTF8.self)
  }
}
