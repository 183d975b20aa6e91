/// The elements of a list of hops, last first: of X-Forwarded-For and similar fields, or of Forwarded (RFC 7239).
///
/// All field lines of the name form one list in order (RFC 9110 section 5.3), so the last hop is at the end of the last
/// line. Lines are read backwards, so that all elements cost one pass. In Forwarded, commas within quotes belong to an
/// element; other fields have no quoted strings, and a quote is an ordinary byte. At most `mostHops` elements are
/// returned, because each is looked up among the trusted addresses and a client can send thousands.
package struct HopsFromRight: Sequence, IteratorProtocol {
  private let fields: Fields
  private let name: KnownField
  private var line: Int
  private var rest: Bytes?
  private var given = 0

  /// The maximum number of hops; hops to the left of them are ignored.
  package static let mostHops = 64

  /// - Parameter name: the field to read; not Forwarded.
  package init(_ fields: Fields, _ name: KnownField) {
    precondition(name != .forwarded)
    self.init(fields, of: name)
  }

  /// The elements of Forwarded; nil if one of its lines is malformed.
  package init?(forwarded fields: Fields) {
    for index in 0..<fields.count where KnownField(fields[index].name) == .forwarded {
      guard ForwardedParameter.isWellFormed(fields[index].value) else { return nil }
    }
    self.init(fields, of: .forwarded)
  }

  private init(_ fields: Fields, of name: KnownField) {
    self.fields = fields
    self.name = name
    line = fields.count
  }

  package mutating func next() -> Bytes? {
    while given < HopsFromRight.mostHops {
      if let bytes = rest {
        let start = startOfLast(in: bytes)
        rest = start > 0 ? bytes.slice(0, start - 1) : nil
        let element = bytes.dropFirst(start).trimmed
        if element.isEmpty { continue }
        given += 1
        return element
      }
      line -= 1
      guard line >= 0 else { return nil }
      if KnownField(fields[line].name) == name { rest = fields[line].value }
    }
    return nil
  }

  private func startOfLast(in bytes: Bytes) -> Int {
    var start = bytes.count
    while start > 0 && bytes[start - 1] != ASCII.comma {
      start -= 1
      if name == .forwarded && bytes[start] == HopsFromRight.quote { start = opening(of: start, in: bytes) }
    }
    return start
  }

  private static let quote = UInt8(ascii: "\"")

  /// The opening quote of the string that ends at `closing`. In a well-formed line it can be found from the right: the
  /// opening quote follows `=`, and any quote within the string follows a backslash.
  private func opening(of closing: Int, in bytes: Bytes) -> Int {
    var index = closing - 1
    while index > 0 && !(bytes[index] == HopsFromRight.quote && bytes[index - 1] == UInt8(ascii: "=")) { index -= 1 }
    return Swift.max(0, index)
  }
}
