/// One parameter of an element of Forwarded.
package enum ForwardedParameter {
  /// The value of `name` (lower case), without quotes; nil if the element has none. Escapes within quotes are left.
  package static func value(_ name: StaticString, in element: Bytes) -> Bytes? {
    var rest = element
    while !rest.isEmpty {
      var end = 0
      var quoted = false
      while end < rest.count && (quoted || rest[end] != ASCII.semicolon) {
        if rest[end] == UInt8(ascii: "\"") { quoted.toggle() }
        // Within quotes a backslash takes the next byte with it (RFC 9110 section 5.6.4).
        end += quoted && rest[end] == UInt8(ascii: "\\") ? 2 : 1
      }
      end = Swift.min(end, rest.count)
      let pair = rest.slice(0, end).trimmed
      if let equals = pair.firstIndex(of: UInt8(ascii: "=")), pair.slice(0, equals).equalsIgnoringCase(name) {
        return unquoted(pair.dropFirst(equals + 1))
      }
      rest = rest.dropFirst(Swift.min(end + 1, rest.count))
    }
    return nil
  }

  private static func unquoted(_ value: Bytes) -> Bytes {
    let quote = UInt8(ascii: "\"")
    guard value.count >= 2, value[0] == quote, value[value.count - 1] == quote else { return value }
    return value.slice(1, value.count - 1)
  }
}
