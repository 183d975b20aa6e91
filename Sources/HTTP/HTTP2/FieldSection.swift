/// A serialized field section for a session: status, number of fields, and each field with its lengths. A section is
/// made on any thread, waits in a queue, and becomes a header block on the loop.
package enum FieldSection {
  /// The header of status and number of fields, and the lengths of name and value before each field.
  private static let headBytes = 8
  private static let fieldBytes = 8

  /// The maximum size of a section of `fields` fields whose names and values have `bytes` bytes.
  package static func bound(fields: Int, bytes: Int) -> Int { headBytes + fields * fieldBytes + bytes }

  /// The maximum number of bytes in the names and values of Server, Date and Content-Length.
  package static let ownBytes = 96 + ServerField.longest

  package static func begin(status: UInt32, fields: Int, to writer: inout ByteWriter) {
    writer.append(word: status)
    writer.append(word: UInt32(truncatingIfNeeded: fields))
  }

  package static func append(name: Bytes, value: Bytes, to writer: inout ByteWriter) {
    writer.append(word: UInt32(truncatingIfNeeded: name.count))
    writer.append(word: UInt32(truncatingIfNeeded: value.count))
    writer.append(name)
    writer.append(value)
  }

  package static func append(_ fields: Fields, to writer: inout ByteWriter) {
    for index in 0..<fields.count { append(name: fields[index].name, value: fields[index].value, to: &writer) }
  }

  package static func append(name: Bytes, decimal: UInt64, to writer: inout ByteWriter) {
    var digits = 1
    var rest = decimal
    while rest >= 10 {
      rest /= 10
      digits += 1
    }
    writer.append(word: UInt32(name.count))
    writer.append(word: UInt32(digits))
    writer.append(name)
    writer.append(decimal: decimal)
  }

  /// Reads a section in this format.
  package struct Reader: Sequence, IteratorProtocol {
    package let status: UInt32
    package let count: Int
    private var rest: Bytes
    private var left: Int

    package init(_ section: Bytes) {
      status = section.word(at: 0)
      count = Int(section.word(at: 4))
      rest = section.dropFirst(headBytes)
      left = count
    }

    package mutating func next() -> Field? {
      guard left > 0 else { return nil }
      left -= 1
      let (name, value) = (Int(rest.word(at: 0)), Int(rest.word(at: 4)))
      let field = Field(
        name: rest.slice(fieldBytes, fieldBytes + name),
        value: rest.slice(fieldBytes + name, fieldBytes + name + value))
      rest = rest.dropFirst(fieldBytes + name + value)
      return field
    }
  }
}

extension Bytes {
  fileprivate func word(at index: Int) -> UInt32 {
    precondition(index >= 0 && index <= count &- 4)
    let word = unsafe UnsafeRawPointer(base.unsafelyUnwrapped + index).loadUnaligned(as: UInt32.self)
    return UInt32(littleEndian: word)
  }
}
