/// The pairs `name=value` of a line of Forwarded, or of one of its elements, from the left (RFC 7239 section 4).
///
/// A proxy appends its element to what the client has sent, and so decides nothing about the quotes before it. Where a
/// quote may stand is strict therefore: it opens right behind the `=` of its pair, it is closed, and behind that only
/// `;`, `,` or the end may follow. From within a client's quotes, what a proxy appends is none of that, and the line is
/// malformed as a whole; its last elements can't change their meaning.
struct ForwardedPairs {
  struct Pair {
    /// Empty if there is no `=`.
    let name: Bytes
    /// Without quotes; escapes within them are left.
    let value: Bytes
    /// A comma follows, or nothing.
    let endsElement: Bool
  }

  private let line: Bytes
  private var position = 0
  /// `next` has ended at what can't be read; all pairs before it count for nothing.
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

  /// Where the delimiter behind a quoted string stands, or the end; nil if there is neither.
  private func endOfQuoted(_ opening: Int) -> Int? {
    var index = opening + 1
    while index < line.count && line[index] != ForwardedPairs.quote {
      // A backslash takes the next byte with it (RFC 9110 section 5.6.4).
      index += line[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard index < line.count else { return nil }
    index += 1
    while index < line.count && ASCII.isOptionalWhitespace(line[index]) { index += 1 }
    return index == line.count || line[index] == ASCII.semicolon || line[index] == ASCII.comma ? index : nil
  }
}
