/// The elements of a list of hops, last first: of X-Forwarded-For, or of Forwarded (RFC 7239).
///
/// All field lines of the name make one list, in order (RFC 9110 section 5.3), so the last hop is at the end of the last
/// line. In Forwarded, commas within quotes belong to an element; other fields have no quoted strings, and a quote there
/// is a byte as any other. A line without quotes is read backwards, so that all its elements cost one pass; where there
/// are quotes each element costs a pass, and at most `mostQuoted` of a line are read.
package struct HopsFromRight: Sequence, IteratorProtocol {
  private let fields: Fields
  private let name: KnownField
  private var line: Int
  private var rest: Bytes?
  private var isQuoted = false
  private var elements = 0

  /// The most elements, empty ones too, of a line with quotes; what lies to the left of them does not count.
  package static let mostQuoted = 64

  /// - Parameter name: the field whose lines are read.
  package init(_ fields: Fields, _ name: KnownField) {
    self.fields = fields
    self.name = name
    line = fields.count
  }

  package mutating func next() -> Bytes? {
    while true {
      if let bytes = rest {
        elements += 1
        if isQuoted && elements > HopsFromRight.mostQuoted {
          rest = nil
          line = 0
          return nil
        }
        let start = isQuoted ? lastQuotedElement(bytes) : lastElement(bytes)
        rest = start > 0 ? bytes.slice(0, start - 1) : nil
        let element = bytes.dropFirst(start).trimmed
        if !element.isEmpty { return element }
        continue
      }
      line -= 1
      guard line >= 0 else { return nil }
      guard KnownField(fields[line].name) == name else { continue }
      rest = fields[line].value
      isQuoted = name == .forwarded && fields[line].value.firstIndex(of: UInt8(ascii: "\"")) != nil
      elements = 0
    }
  }

  /// Where the last element of `bytes` starts.
  private func lastElement(_ bytes: Bytes) -> Int {
    var start = bytes.count
    while start > 0 && bytes[start - 1] != ASCII.comma { start -= 1 }
    return start
  }

  /// Likewise where commas may stand within quotes, which only shows from the left.
  private func lastQuotedElement(_ bytes: Bytes) -> Int {
    var quoted = false
    var start = 0
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""): quoted.toggle()
      case UInt8(ascii: "\\") where quoted: index += 1
      case ASCII.comma where !quoted: start = index + 1
      default: break
      }
      index += 1
    }
    return start
  }
}
