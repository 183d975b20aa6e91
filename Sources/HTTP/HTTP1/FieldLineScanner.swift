/// Parses one field line: `name ":" OWS value OWS CRLF` (RFC 9112 section 5). Used for heads and trailer sections.
///
/// The principle: a usual line is complete, its name consists of letters and hyphens, and its value has no tabs; such a
/// line is parsed in a few wide steps. Any other line is parsed byte by byte.
enum FieldLineScanner {
  enum Line {
    /// More bytes are needed.
    case incomplete
    /// The empty line that ends the section; `next` is the position after it.
    case endOfSection(next: Int)
    /// `underscored`: the name has an underscore.
    case field(Field, underscored: Bool, next: Int)
    case refused(Refusal)
  }

  /// Parses the line that begins at `start`.
  ///
  /// The result depends only on the bytes, never on how many have arrived: a line is parsed from its first byte, up to
  /// `limit` bytes, and no result looks beyond the byte that decides it.
  static func line(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, limit: Int) -> Line {
    let bound = min(end, start &+ limit)
    guard let (field, next) = unsafe usualLine(base + start, base + bound) else {
      return unsafe unusualLine(base, from: start, to: end, limit: limit)
    }
    return .field(field, underscored: false, next: unsafe next - base)
  }

  /// The field of a usual line at `start`, and the start of the next line; nil for any other line.
  @inline(__always)
  static func usualLine(
    _ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
  ) -> (field: Field, next: UnsafePointer<UInt8>)? {
    // A CR before the last byte has a byte after it, and a name that was found has a whole block before that byte.
    let last = unsafe end - 1
    guard let colon = unsafe ByteScan.unusualInShortName(start, last), unsafe colon > start,
      unsafe colon.pointee == ASCII.colon,
      let control = unsafe ByteScan.controlInBlocks(colon + 1, last),
      unsafe UnsafeRawPointer(control).loadUnaligned(as: UInt16.self) == ASCII.crlf
    else { return nil }
    return unsafe (field(start, colon: colon, lineEnd: control), control + 2)
  }

  /// Any line.
  @inline(__always)
  static func unusualLine(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, limit: Int) -> Line {
    guard start < end else { return .incomplete }
    guard unsafe base[start] == ASCII.cr else { return unsafe fieldLine(base, from: start, to: end, limit: limit) }
    guard start &+ 1 < end else { return .incomplete }
    return unsafe base[start &+ 1] == ASCII.lf ? .endOfSection(next: start &+ 2) : .refused(.missingLineEnd)
  }

  /// Parses a line of at least one byte that should be a field line.
  @inline(never)
  private static func fieldLine(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, limit: Int) -> Line {
    let (line, end, limit) = unsafe (base + start, base + end, base + min(end, start &+ limit))
    let first = unsafe line.pointee
    if first == ASCII.space || first == ASCII.tab { return .refused(.foldedField) }

    var underscored = false
    var place = unsafe line
    while true {
      guard let unusual = unsafe ByteScan.unusualInName(place, limit) else {
        return unsafe limit < end ? .refused(.fieldTooLong) : .incomplete
      }
      unsafe place = unusual
      let kind = unsafe ASCII.tokenClass(place.pointee)
      if kind == ASCII.dot { break }
      if kind == ASCII.underscore { underscored = true }
      unsafe place += 1
    }
    let colon = unsafe place
    guard unsafe colon > line && colon.pointee == ASCII.colon else { return .refused(.malformedFieldName) }

    repeat {
      unsafe place = ByteScan.control(place + 1, limit) ?? limit
    } while unsafe place < limit && place.pointee == ASCII.tab
    // The bytes end here, or the line has `limit` bytes and its CR must follow.
    guard unsafe place < end else { return .incomplete }
    switch unsafe place.pointee {
    case ASCII.cr: break
    case _ where unsafe place == limit: return .refused(.fieldTooLong)
    case ASCII.lf: return .refused(.missingLineEnd)
    default: return .refused(.malformedFieldValue)
    }
    guard unsafe place + 1 < end else { return .incomplete }
    guard unsafe place[1] == ASCII.lf else { return .refused(.missingLineEnd) }
    return unsafe .field(field(line, colon: colon, lineEnd: place), underscored: underscored, next: place + 2 - base)
  }

  /// The field of a line whose CR is at `lineEnd`; its value without surrounding white space.
  @inline(__always)
  private static func field(
    _ name: UnsafePointer<UInt8>, colon: UnsafePointer<UInt8>, lineEnd: UnsafePointer<UInt8>
  ) -> Field {
    var (start, end) = unsafe (colon + 1, lineEnd)
    if unsafe start.pointee == ASCII.space { unsafe start += 1 }
    // Usually one space comes before the value and none after it; otherwise the ends are searched.
    if unsafe start.pointee <= ASCII.space || end[-1] <= ASCII.space {
      while unsafe start < end && ASCII.isOptionalWhitespace(start.pointee) { unsafe start += 1 }
      while unsafe end > start && ASCII.isOptionalWhitespace(end[-1]) { unsafe end -= 1 }
    }
    return unsafe Field(name: Bytes(base: name, count: colon - name), value: Bytes(base: start, count: end - start))
  }
}
