/// Parses JSON (RFC 8259) strictly: nothing after the value, no duplicate names in an object, no fractions, valid
/// UTF-8.
package struct JSONReader {
  /// The maximum nesting of arrays and objects.
  package static let maxDepth = 16

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Parses `bytes`, which contain one value, with optional white space around it.
  package static func read(_ bytes: [UInt8]) throws(JSONError) -> JSON {
    var reader = JSONReader(bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == bytes.count else { throw reader.error("something follows the value") }
    return value
  }

  private func error(_ reason: String) -> JSONError { JSONError(reason: reason, offset: position) }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D { position += 1 }
  }

  /// Consumes the byte if it is next, after white space.
  private mutating func take(_ byte: Character) -> Bool {
    skipSpace()
    guard let next, next == byte.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSON {
    skipSpace()
    guard let next else { throw error("a value is missing") }
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .integer(try integer())
    default: return try word()
    }
  }

  private mutating func word() throws(JSONError) -> JSON {
    for (word, value) in [("null", JSON.null), ("true", .boolean(true)), ("false", .boolean(false))]
    where bytes[position...].starts(with: word.utf8) {
      position += word.utf8.count
      return value
    }
    throw error("expected a value")
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSON {
    guard depth <= JSONReader.maxDepth else { throw error("nested too deeply") }
    position += 1
    var members: [JSON.Member] = []
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("expected a name") }
      let name = try string()
      guard !members.contains(where: { $0.name == name }) else { throw error("a name stands twice") }
      guard take(":") else { throw error("expected a colon") }
      members.append(JSON.Member(name, try value(depth: depth)))
    } while take(",")
    guard take("}") else { throw error("expected a comma or a brace") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSON {
    guard depth <= JSONReader.maxDepth else { throw error("nested too deeply") }
    position += 1
    var elements: [JSON] = []
    if take("]") { return .array(elements) }
    repeat { elements.append(try value(depth: depth)) } while take(",")
    guard take("]") else { throw error("expected a comma or a bracket") }
    return .array(elements)
  }

  private mutating func integer() throws(JSONError) -> Int64 {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let digits = position
    while let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { position += 1 }
    let hasLeadingZero = position - digits > 1 && bytes[digits] == UInt8(ascii: "0")
    guard position > digits, !hasLeadingZero else { throw error("malformed number") }
    if let next, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(next) {
      throw error("only integers are numbers here")
    }
    guard let number = Int64(String(decoding: bytes[start..<position], as: UTF8.self)) else {
      throw error("the number is too large")
    }
    return number
  }

  // MARK: Strings

  private mutating func string() throws(JSONError) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let valid = String(validating: text, as: UTF8.self) else { throw error("a string is not UTF-8") }
        return valid
      case UInt8(ascii: "\\"): text += Array("\(try escape())".utf8)
      case 0..<0x20: throw error("a control character in a string")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw error("a string has no end")
  }

  private static let escapes: [UInt8: Unicode.Scalar] = [
    UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
    UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
  ]

  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    position += 1
    guard let letter = next else { throw error("a string has no end") }
    position += 1
    if let scalar = JSONReader.escapes[letter] { return scalar }
    guard letter == UInt8(ascii: "u") else { throw error("unknown escape") }
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    // The first half of a surrogate pair, which the second half must follow.
    guard (0xD800..<0xDC00).contains(first), bytes[position...].starts(with: [0x5C, UInt8(ascii: "u")]) else {
      throw error("half of a surrogate pair")
    }
    position += 2
    let second = try hexadecimal()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw error("half of a surrogate pair") }
    return scalar
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("an escape has four digits") }
    var number: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = JSONReader.value(ofDigit: byte) else { throw error("an escape has four digits") }
      number = number << 4 | digit
    }
    position += 4
    return number
  }

  /// Only digits: other parsers of numbers accept a sign.
  private static func value(ofDigit byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }
}
