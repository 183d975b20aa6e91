/// The elements of a list of hops, last first: of X-Forwarded-For, or of Forwarded (RFC 7239).
///
/// All field lines of the name make one list, in order (RFC 9110 section 5.3), so the last hop is at the end of the last
/// line. Commas within quotes belong to an element.
package struct HopsFromRight: Sequence, IteratorProtocol {
  private let fields: Fields
  private let name: KnownField
  private var line: Int
  private var rest: Bytes?

  /// - Parameter name: the field whose lines are read.
  package init(_ fields: Fields, _ name: KnownField) {
    self.fields = fields
    self.name = name
    line = fields.count
  }

  package mutating func next() -> Bytes? {
    while true {
      if let bytes = rest {
        let start = lastElement(bytes)
        rest = start > 0 ? bytes.slice(0, start - 1) : nil
        let element = bytes.dropFirst(start).trimmed
        if !element.isEmpty { return element }
        continue
      }
      line -= 1
      guard line >= 0 else { return nil }
      if KnownField(fields[line].name) == name { rest = fields[line].value }
    }
  }

  /// Where the last element of `bytes` starts.
  private func lastElement(_ bytes: Bytes) -> Int {
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
