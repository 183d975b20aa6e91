/// Reads one field line: `name ":" OWS value OWS CRLF` (RFC 9112 section 5). Heads and trailer sections share it.
enum FieldLineScanner {
  enum Line {
    /// More bytes are needed.
    case incomplete
    /// The empty line that ends the section; the next byte after it is at `next`.
    case endOfSection(next: Int)
    /// `underscored`: the name has an underscore.
    case field(Field, underscored: Bool, next: Int)
    case refused(Refusal)
  }

  /// Reads the line that starts at `start`.
  ///
  /// Every verdict depends on the bytes alone, never on how many have come by now: a line is judged from its first
  /// byte on, up to `limit` bytes of it, and no verdict looks beyond the byte that decides it.
  @inline(__always)
  static func line(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, limit: Int) -> Line {
    guard start < end else { return .incomplete }
    let first = unsafe base[start]
    if first == ASCII.cr {
      guard start &+ 1 < end else { return .incomplete }
      return unsafe base[start &+ 1] == ASCII.lf ? .endOfSection(next: start &+ 2) : .refused(.missingLineEnd)
    }
    if first == ASCII.space || first == ASCII.tab { return .refused(.foldedField) }

    let bound = min(end, start &+ limit)
    var underscored = false
    var index = unsafe ByteScan.firstUnusualInName(base, from: start, to: bound)
    while index < bound {
      let kind = unsafe ASCII.tokenClass(base[index])
      if kind == ASCII.dot { break }
      if kind == ASCII.underscore { underscored = true }
      index = unsafe ByteScan.firstUnusualInName(base, from: index &+ 1, to: bound)
    }
    guard index < bound else { return index < end ? .refused(.fieldTooLong) : .incomplete }
    guard index > start, unsafe base[index] == ASCII.colon else { return .refused(.malformedFieldName) }
    let nameEnd = index
    return unsafe value(base, nameStart: start, nameEnd: nameEnd, underscored: underscored, bound: bound, end: end)
  }

  @inline(__always)
  private static func value(
    _ base: UnsafePointer<UInt8>, nameStart: Int, nameEnd: Int, underscored: Bool, bound: Int, end: Int
  ) -> Line {
    var index = nameEnd &+ 1
    while true {
      index = unsafe ByteScan.firstControl(base, from: index, to: bound)
      guard index < bound, unsafe base[index] == ASCII.tab else { break }
      index &+= 1
    }
    if index == bound {
      // The bytes end here, or the line is `limit` long and its CR must come now.
      guard index < end else { return .incomplete }
      let byte = unsafe base[index]
      guard byte == ASCII.cr else { return .refused(.fieldTooLong) }
    }
    switch unsafe base[index] {
    case ASCII.cr: break
    case ASCII.lf: return .refused(.missingLineEnd)
    default: return .refused(.malformedFieldValue)
    }
    guard index &+ 1 < end else { return .incomplete }
    guard unsafe base[index &+ 1] == ASCII.lf else { return .refused(.missingLineEnd) }

    var valueStart = nameEnd &+ 1
    var valueEnd = index
    while valueStart < valueEnd, unsafe ASCII.isOptionalWhitespace(base[valueStart]) { valueStart &+= 1 }
    while valueEnd > valueStart, unsafe ASCII.isOptionalWhitespace(base[valueEnd &- 1]) { valueEnd &-= 1 }
    let field = unsafe Field(
      name: Bytes(base: base + nameStart, count: nameEnd &- nameStart),
      value: Bytes(base: base + valueStart, count: valueEnd &- valueStart))
    return .field(field, underscored: underscored, next: index &+ 2)
  }
}
