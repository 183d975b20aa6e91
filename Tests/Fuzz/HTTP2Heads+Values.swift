import HTTP

/// Values by a choice.
enum FieldValues {
  /// -16 to 15, from the low five bits, so that space and @ are 0.
  static func delta(_ choice: UInt8) -> Int {
    let low = Int(choice & 31)
    return low < 16 ? low : low - 32
  }

  /// Mostly short.
  static func length(_ choice: UInt8) -> Int {
    let low = Int(choice & 63)
    return low < 48 ? low : (low - 47) * 61
  }

  static func method(_ choice: UInt8, _ block: FieldBlock) -> [UInt8] {
    let names = ["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "", "G T", "get"]
    if choice & 16 != 0 { return [UInt8](repeating: UInt8(ascii: "M"), count: 18 + Int(choice & 3)) }
    return Array(names[Int(choice & 7)].utf8)
  }

  static func scheme(_ choice: UInt8) -> [UInt8] { Array(["http", "https", "ftp", ""][Int(choice & 3)].utf8) }

  static func path(_ choice: UInt8, _ block: FieldBlock) -> [UInt8] {
    let paths = ["/", "/a?b=c", "*", "", "/#", "/?", "a", "/\u{80}"]
    if choice & 8 != 0 { return block.path(length(choice >> 4 | (choice & 7) << 4)) }
    return Array(paths[Int(choice & 7)].utf8)
  }

  static func authority(_ choice: UInt8, _ block: FieldBlock) -> [UInt8] {
    let names = ["a", "a.example:80", "[::1]:8000", "", "a b", "a:b", "127.0.0.1", "A.example"]
    if choice & 8 != 0 { return block.text(length(choice >> 4 | (choice & 7) << 4)) }
    return Array(names[Int(choice & 7)].utf8)
  }

  /// Long enough to put others out of the table.
  static func forTheTable(_ choice: UInt8) -> [UInt8] {
    [UInt8](repeating: UInt8(65 + choice & 7), count: 40 + Int(choice & 7) * 300)
  }

  static func meaning(_ choice: UInt8) -> CopiedField {
    let fields: [(StaticString, StaticString)] = [
      ("content-length", "0"), ("content-length", "7"), ("content-length", "x"), ("content-type", "text/plain"),
      ("te", "trailers"), ("te", "gzip"), ("expect", "100-continue"), ("expect", "200-ok"),
      ("connection", "close"), ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("keep-alive", "1"),
      ("via", "1.1 a"), ("forwarded", "for=a"), ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-a_b", "1"),
      ("x-request-id", "abc"), ("no-early-hints", "1"), ("X-Upper", "1"), ("x_y", "1"),
      ("", "1"), ("x-empty", ""), ("x-control", "a\u{1}b"), ("x-space", " a "),
      (":status", "200"), (":unknown", "1"), ("priority", "u=1"), ("host", "a"),
      ("trailer", "x"), ("cookie", ""), ("cookie", "a=b"), ("x", "y"),
    ]
    let (name, value) = fields[Int(choice & 31)]
    return CopiedField(name, Array(Bytes(value)))
  }
}
