/// Text of another process or of a file, in a form that is safe in a log line or on a terminal.
package enum PrintableText {
  /// Escapes every control character as `\u{…}`, including line ends and bidirectional controls.
  ///
  /// - Parameter limit: the maximum number of bytes that are used.
  package static func escaped(_ text: String, limit: Int = .max) -> String {
    guard text.utf8.count > limit || text.unicodeScalars.contains(where: isControl) else { return text }
    var result = ""
    for scalar in String(decoding: text.utf8.prefix(limit), as: UTF8.self).unicodeScalars {
      if isControl(scalar) {
        result += "\\u{" + String(scalar.value, radix: 16) + "}"
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result + (text.utf8.count > limit ? "…" : "")
  }

  /// The same, with `; ` in place of line ends.
  ///
  /// The text is truncated first, and by bytes: segmenting into Characters is slow, since one Character may have a
  /// thousand marks.
  package static func oneLine(_ text: String, limit: Int) -> String {
    let lines = text.utf8.prefix(limit).split(separator: UInt8(ascii: "\n"))
    let line = lines.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "; ")
    return escaped(line) + (text.utf8.count > limit ? "…" : "")
  }

  /// Text of several lines: keeps line ends and tabs, and escapes all other control characters.
  package static func lines(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map { escaped(String($0)) }.joined(separator: "\t")
    }.joined(separator: "\n")
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
