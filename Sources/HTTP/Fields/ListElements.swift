/// The elements of a comma-separated list value, trimmed, empty ones left out (RFC 9110 section 5.6.1).
package struct ListElements: Sequence, IteratorProtocol {
  private let value: Bytes
  private var position = 0

  package init(_ value: Bytes) { self.value = value }

  package mutating func next() -> Bytes? {
    guard let base = unsafe value.base else { return nil }
    while position < value.count {
      let start = position
      let comma = unsafe ByteScan.byte(ASCII.comma, base + start, base + value.count)
      position = unsafe comma.map { unsafe $0 - base } ?? value.count
      let element = value.slice(start, position).trimmed
      position += 1
      if !element.isEmpty { return element }
    }
    return nil
  }
}
