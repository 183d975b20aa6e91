/// Named values as text, one `key=value` line for each. All messages between the server's processes use this format,
/// and so does the state that a supervisor leaves to its successor.
///
/// A reader looks up the keys that it knows and ignores all others, so that programs of different versions understand each
/// other. What it reads can come from hostile code: anything that `bytes` does not write is refused as a whole, and the number
/// and the size of fields are bounded. The text is handled as bytes, since a Character can combine a line end with what follows.
package struct KeyedFields: Sendable, Equatable {
  /// Further fields make the text malformed.
  package static let maxCount = 64
  /// The longest key, in bytes.
  package static let maxKeyLength = 40

  private var keys: [String] = []
  private var values: [String] = []

  package init() {}

  /// One field.
  package init(_ key: String, _ value: String) { set(key, value) }

  /// One number.
  package init(_ key: String, _ number: some FixedWidthInteger) { set(key, number) }

  /// One text for people, which is truncated if necessary.
  package init(_ key: String, text: String) { set(key, text, room: Channel.textRoom) }

  /// Nil for malformed text.
  package init?(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while !rest.isEmpty {
      guard keys.count < KeyedFields.maxCount, let end = rest.firstIndex(of: UInt8(ascii: "\n")),
        let equals = rest[..<end].prefix(KeyedFields.maxKeyLength + 1).firstIndex(of: UInt8(ascii: "=")),
        KeyedFields.isKey(rest[..<equals]), let value = KeyedFields.unescaped(rest[(equals + 1)..<end])
      else { return nil }
      let key = String(decoding: rest[..<equals], as: UTF8.self)
      guard !keys.contains(key) else { return nil }
      keys.append(key)
      values.append(value)
      rest = rest[(end + 1)...]
    }
  }

  package init?(_ bytes: [UInt8]) { self.init(bytes[...]) }

  /// The text form, which `init` reads.
  package var bytes: [UInt8] {
    var bytes: [UInt8] = []
    for (key, value) in zip(keys, values) {
      bytes += key.utf8
      bytes.append(UInt8(ascii: "="))
      for byte in value.utf8 { KeyedFields.append(byte, to: &bytes) }
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  package var isEmpty: Bool { keys.isEmpty }

  /// All fields, in the order of the text.
  package var all: [(key: String, value: String)] { zip(keys, values).map { (key: $0, value: $1) } }

  // MARK: Writing

  /// Sets a field; the last value counts. Keys are lower-case words, as `worker_index`, with dots in those of the configuration.
  package mutating func set(_ key: String, _ value: String) {
    assert(KeyedFields.isKey(Array(key.utf8)[...]), "\(key) is no key")
    if let index = keys.firstIndex(of: key) {
      values[index] = value
    } else if keys.count < KeyedFields.maxCount {
      keys.append(key)
      values.append(value)
    }
  }

  /// Sets a field; nil sets none.
  package mutating func set(_ key: String, _ value: String?) {
    if let value { set(key, value) }
  }

  package mutating func set(_ key: String, _ number: some FixedWidthInteger) { set(key, "\(number)") }

  package mutating func set(_ key: String, _ number: (some FixedWidthInteger)?) {
    if let number { set(key, number) }
  }

  package mutating func set(_ key: String, _ flag: Bool) { set(key, flag ? "1" : "0") }

  package mutating func set(_ key: String, _ numbers: [UInt64]) {
    set(key, numbers.map(String.init).joined(separator: " "))
  }

  /// Sets a text for people, truncated so that it takes at most `room` bytes of a message.
  package mutating func set(_ key: String, _ text: String, room: Int) {
    var used: [UInt8] = []
    var end = text.unicodeScalars.startIndex
    for scalar in text.unicodeScalars {
      for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { KeyedFields.append(byte, to: &used) }
      guard used.count <= room else { break }
      end = text.unicodeScalars.index(after: end)
    }
    set(key, String(text.unicodeScalars[..<end]))
  }

  // MARK: Reading

  package subscript(_ key: String) -> String? { keys.firstIndex(of: key).map { values[$0] } }

  /// Nil if the key has no number, or one that is out of range.
  package func number<Number: FixedWidthInteger>(
    _ key: String, in range: ClosedRange<Number> = Number.min...Number.max
  ) -> Number? {
    guard let number = self[key].flatMap({ Number($0) }), range.contains(number) else { return nil }
    return number
  }

  package func flag(_ key: String) -> Bool { self[key] == "1" }

  /// Nil if the key does not have exactly `count` numbers.
  package func numbers(_ key: String, count: Int) -> [UInt64]? {
    guard let text = self[key] else { return nil }
    let words = text.utf8.split(separator: UInt8(ascii: " "), maxSplits: count, omittingEmptySubsequences: true)
    guard words.count == count else { return nil }
    let numbers = words.compactMap { UInt64(String(decoding: $0, as: UTF8.self)) }
    return numbers.count == count ? numbers : nil
  }

  // MARK: The text

  private static func isKey(_ bytes: ArraySlice<UInt8>) -> Bool {
    (1...maxKeyLength).contains(bytes.count)
      && bytes.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
      }
  }

  private static let digits = Array("0123456789abcdef".utf8)

  /// Appends one byte of a value. Control characters are escaped, so that no value ends a line.
  private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\\"):
      bytes.append(byte)
      bytes.append(byte)
    case UInt8(ascii: "\n"):
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(UInt8(ascii: "n"))
    case 0..<0x20, 0x7F:
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(UInt8(ascii: "x"))
      bytes.append(digits[Int(byte >> 4)])
      bytes.append(digits[Int(byte & 15)])
    default: bytes.append(byte)
    }
  }

  /// Nil for a value that `append` would not write.
  private static func unescaped(_ value: ArraySlice<UInt8>) -> String? {
    // Most values have no escapes, and hostile values may be long.
    if !value.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "\\") }) {
      return String(decoding: value, as: UTF8.self)
    }
    var result: [UInt8] = []
    result.reserveCapacity(value.count)
    var rest = value
    while let byte = rest.popFirst() {
      guard byte >= 0x20 && byte != 0x7F else { return nil }
      guard byte == UInt8(ascii: "\\") else {
        result.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "\\")?: result.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "n")?: result.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "x")?:
        guard let high = rest.popFirst().flatMap(digits.firstIndex),
          let low = rest.popFirst().flatMap(digits.firstIndex)
        else { return nil }
        result.append(UInt8(high << 4 | low))
      default: return nil
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
