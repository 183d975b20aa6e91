/// Reads the value of Sec-WebSocket-Extensions (RFC 6455 section 9.1): extensions with parameters, whose values are tokens
/// that may be in quotes.
struct ExtensionScanner {
  struct Parameter {
    let name: Bytes
    /// Without quotes; nil if there is none.
    let value: Bytes?
  }

  private var rest: Bytes

  init(_ value: Bytes) {
    rest = value
    skipEmptyElements()
  }

  var isAtEnd: Bool { rest.isEmpty }

  /// The name of the next extension; nil if there is no token.
  mutating func extensionName() -> Bytes? {
    let name = token()
    skipWhitespace()
    return name
  }

  /// Takes the semicolon before a parameter.
  mutating func hasParameter() -> Bool {
    guard take(ASCII.semicolon) else { return false }
    skipWhitespace()
    return true
  }

  /// The parameter after a semicolon; nil if it is malformed.
  mutating func parameter() -> Parameter? {
    guard let name = token() else { return nil }
    skipWhitespace()
    guard take(UInt8(ascii: "=")) else { return Parameter(name: name, value: nil) }
    skipWhitespace()
    let isQuoted = take(UInt8(ascii: "\""))
    guard let value = token(), !isQuoted || take(UInt8(ascii: "\"")) else { return nil }
    skipWhitespace()
    return Parameter(name: name, value: value)
  }

  /// Takes the comma before another extension.
  mutating func hasExtension() -> Bool {
    guard take(ASCII.comma) else { return false }
    skipEmptyElements()
    return !rest.isEmpty
  }

  private mutating func token() -> Bytes? {
    var end = 0
    while end < rest.count && ASCII.isToken(rest[end]) { end += 1 }
    guard end > 0 else { return nil }
    defer { rest = rest.dropFirst(end) }
    return rest.slice(0, end)
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard !rest.isEmpty, rest[0] == byte else { return false }
    rest = rest.dropFirst(1)
    return true
  }

  private mutating func skipWhitespace() {
    while !rest.isEmpty && ASCII.isOptionalWhitespace(rest[0]) { rest = rest.dropFirst(1) }
  }

  /// A recipient ignores empty elements of a list (RFC 9110 section 5.6.1.2).
  private mutating func skipEmptyElements() {
    while !rest.isEmpty && (ASCII.isOptionalWhitespace(rest[0]) || rest[0] == ASCII.comma) { rest = rest.dropFirst(1) }
  }
}
