/// Untrusted text in forms for TOML, JSON and messages.
enum QuotedText {
  /// A basic string in TOML.
  static func toml(_ text: some StringProtocol) -> String { quoted(text, escapingDelete: true) }

  /// A string in JSON (RFC 8259 section 7).
  static func json(_ text: some StringProtocol) -> String { quoted(text, escapingDelete: false) }

  /// The text for a message: quoted, escaped and of limited length.
  static func shown(_ text: some StringProtocol) -> String {
    text.unicodeScalars.count <= 64
      ? toml(text) : toml(String(String.UnicodeScalarView(text.unicodeScalars.prefix(61)))) + "…"
  }

  /// At most `limit` characters on one line, without control characters.
  static func shortened(_ text: some StringProtocol, to limit: Int) -> String {
    var short = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(limit) { short.append(isControl(scalar) ? "?" : scalar) }
    return String(short)
  }

  /// A key in TOML, without quotes if possible.
  static func tomlKey(_ key: String) -> String {
    let isBare =
      !key.isEmpty
      && key.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    return isBare ? key : toml(key)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }

  private static func quoted(_ text: some StringProtocol, escapingDelete: Bool) -> String {
    var result = String.UnicodeScalarView()
    result.append("\"")
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result.append(contentsOf: #"\""#.unicodeScalars)
      case "\\": result.append(contentsOf: #"\\"#.unicodeScalars)
      case "\n": result.append(contentsOf: #"\n"#.unicodeScalars)
      case "\r": result.append(contentsOf: #"\r"#.unicodeScalars)
      case "\t": result.append(contentsOf: #"\t"#.unicodeScalars)
      case _ where scalar.value < 0x20 || (escapingDelete && (0x7F...0x9F).contains(scalar.value)):
        let digits = String(scalar.value, radix: 16)
        result.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
      default: result.append(scalar)
      }
    }
    result.append("\"")
    return String(result)
  }
}
