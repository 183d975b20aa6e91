/// The pairs `name=value` of a Forwarded line or of one of its elements, from left to right (RFC 7239 section 4).
///
/// A proxy appends its element to the client's line, whose quotes it does not check. The position of quotes is
/// therefore strict: a quote opens directly after the `=` of a pair, it is closed, and only `;`, `,` or the end may
/// follow. If a client leaves a quote open, the element that the proxy appends violates this, and the whole line is
/// malformed. The client can't change the meaning of the last elements.
struct ForwardedPairs {
  struct Pair {
    /// Empty if there is no `=`.
    let name: Bytes
    /// The value without quotes; escapes within it are kept.
    let value: Bytes
    /// A comma follows, or the end.
    let endsElement: Bool
  }

  private let line: Bytes
  private var position = 0
  /// `next` has ended at malformed text; all earlier pairs are invalid too.
  private(set) var isMalformed = false

  private static let quote = UInt8(ascii: "\"")

  init(_ line: Bytes) { self.line = line }

  mutating func next() -> Pair? {
    guard position < line.count, !isMalformed else { return nil }
    let start = position
    var sign: Int?
    var end = start
    while end < line.count && line[end] != ASCII.semicolon && line[end] != ASCII.comma {
      if line[end] == ForwardedPairs.quote {
        guard let sign, sign == end - 1, let behind = endOfQuoted(end) else {
          isMalformed = true
          return nil
        }
        end = behind
        break
      }
      if sign == nil && line[end] == UInt8(ascii: "=") { sign = end }
      end += 1
    }
    position = end + 1
    let endsElement = end == line.count || line[end] == ASCII.comma
    let pair = line.slice(start, end).trimmed
    guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else {
      return Pair(name: .empty, value: pair, endsElement: endsElement)
    }
    let value = pair.dropFirst(equals + 1)
    let isQuoted = !value.isEmpty && value[0] == ForwardedPairs.quote
    return Pair(
      name: pair.slice(0, equals), value: isQuoted ? value.slice(1, value.count - 1) : value,
      endsElement: endsElement)
  }

  /// The position of the delimiter after a quoted string, or the end; nil if there is neither.
  private func endOfQuoted(_ opening: Int) -> Int? {
    var index = opening + 1
    while index < line.count && line[index] != ForwardedPairs.quote {
      // A backslash escapes the next byte (RFC 9110 section 5.6.4).
      index += line[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard index < line.count else { return nil }
    index += 1
    while index < line.count && ASCII.isOptionalWhitespace(line[index]) { index += 1 }
    return index == line.count || line[index] == ASCII.semicolon || line[index] == ASCII.comma ? index : nil
  }
}
