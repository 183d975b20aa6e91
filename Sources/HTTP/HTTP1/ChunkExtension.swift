/// The position of a parser within chunk extensions (RFC 9112 section 7.1.1). The server ignores their content, but
/// their syntax determines where the chunk begins.
enum ChunkExtension: UInt8 {
  /// White space after the chunk's size, which only an extension may follow.
  case behindSize
  /// After `;`.
  case name
  case withinName
  case behindName
  /// After `=`.
  case value
  case withinToken
  case withinQuotes
  /// After a backslash in quotes.
  case escaped
  case behindQuotes
  /// White space after a value, which only another extension may follow.
  case behindValue

  /// The position after `byte`; nil if the grammar does not allow `byte` here.
  func next(_ byte: UInt8) -> ChunkExtension? {
    switch self {
    case .withinQuotes:
      switch byte {
      case ChunkExtension.quote: return .behindQuotes
      case ChunkExtension.backslash: return .escaped
      default: return ASCII.isFieldValue(byte) ? .withinQuotes : nil
      }
    case .escaped: return ASCII.isFieldValue(byte) ? .withinQuotes : nil
    default: break
    }
    if byte == ASCII.semicolon { return mayEnd ? .name : nil }
    if ASCII.isOptionalWhitespace(byte) { return behindWhitespace }
    switch self {
    case .name: return ASCII.isToken(byte) ? .withinName : nil
    case .withinName:
      if ASCII.isToken(byte) { return .withinName }
      return byte == ChunkExtension.equals ? .value : nil
    case .behindName: return byte == ChunkExtension.equals ? .value : nil
    case .value:
      if byte == ChunkExtension.quote { return .withinQuotes }
      return ASCII.isToken(byte) ? .withinToken : nil
    case .withinToken: return ASCII.isToken(byte) ? .withinToken : nil
    default: return nil
    }
  }

  /// Whether the line may end here.
  var mayEndLine: Bool { self == .withinName || self == .withinToken || self == .behindQuotes }

  /// Whether another extension may begin here.
  private var mayEnd: Bool { mayEndLine || self == .behindSize || self == .behindName || self == .behindValue }

  private var behindWhitespace: ChunkExtension {
    switch self {
    case .withinName: .behindName
    case .withinToken, .behindQuotes: .behindValue
    default: self
    }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let backslash = UInt8(ascii: "\\")
  private static let equals = UInt8(ascii: "=")
}
