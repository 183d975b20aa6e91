/// Limits the nesting of TOML text before toml++ parses it.
///
/// toml++ 3.3 limits nested arrays and inline tables, but not the parts of a dotted key: each part becomes a nested
/// table, and freeing a key of some hundred thousand parts overflows the stack. This scanner follows TOML's grammar,
/// including strings and comments. It has to agree with toml++ only on valid text: toml++ stops at the first error, at
/// the latest before a differing interpretation here could matter.
struct TOMLNesting {
  /// The maximum number of parts of a dotted key, and of brackets and braces open at once.
  static let limit = 16

  private let bytes: [UInt8]
  private var index = 0
  private var line = 1
  private var column = 1
  private var dots = 0
  private var open = 0

  /// Throws at the first key with too many parts, or bracket that is too deep.
  static func check(_ bytes: [UInt8]) throws(TOMLError) {
    var walk = TOMLNesting(bytes: bytes)
    try walk.run()
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func run() throws(TOMLError) {
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "#"):
        while let next = peek(), next != UInt8(ascii: "\n") { advance() }
        continue
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        skipString(quote: byte)
        continue
      case UInt8(ascii: "."):
        dots += 1
        if dots >= Self.limit { throw error("a key of more than \(Self.limit) parts") }
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        dots = 0
        open += 1
        if open > Self.limit { throw error("arrays and tables more than \(Self.limit) deep") }
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        dots = 0
        open = max(0, open - 1)
      case UInt8(ascii: "="), UInt8(ascii: ","), UInt8(ascii: "\n"):
        dots = 0
      default: break
      }
      advance()
    }
  }

  private mutating func skipString(quote: UInt8) {
    let isBasic = quote == UInt8(ascii: "\"")
    let isMultiLine = peek(1) == quote && peek(2) == quote
    for _ in 0..<(isMultiLine ? 3 : 1) { advance() }
    while let byte = peek() {
      if byte == UInt8(ascii: "\\"), isBasic {
        advance()
        advance()
      } else if byte == quote, !isMultiLine {
        return advance()
      } else if byte == quote, peek(1) == quote, peek(2) == quote {
        // Up to two quotes before the closing three are part of the string.
        var run = 0
        while run < 5, peek() == quote {
          advance()
          run += 1
        }
        return
      } else if byte == UInt8(ascii: "\n"), !isMultiLine {
        return
      } else {
        advance()
      }
    }
  }

  private func peek(_ ahead: Int = 0) -> UInt8? {
    index + ahead < bytes.count ? bytes[index + ahead] : nil
  }

  private mutating func advance() {
    guard let byte = peek() else { return }
    index += 1
    if byte == UInt8(ascii: "\n") {
      line += 1
      column = 1
    } else if byte & 0b1100_0000 != 0b1000_0000 {
      column += 1
    }
  }

  private func error(_ message: String) -> TOMLError {
    TOMLError(position: TextPosition(line: line, column: column), message: message)
  }
}
