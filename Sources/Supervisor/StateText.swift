/// Words and lines in which a supervisor leaves its state to its successor: one record a line, its kind first, words
/// apart by spaces, and free text last.
enum StateText {
  static func line(_ words: [String], text: String? = nil) -> String {
    (words + (text.map { [escaped($0)] } ?? [])).joined(separator: " ") + "\n"
  }

  /// A record: its words, of which the last may be free text.
  struct Record {
    private var rest: Substring

    init(_ line: Substring) { rest = line }

    /// The next word; empty at the end.
    mutating func word() -> String {
      let end = rest.firstIndex(of: " ") ?? rest.endIndex
      defer { rest = end == rest.endIndex ? "" : rest[rest.index(after: end)...] }
      return String(rest[..<end])
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type = Number.self) -> Number { Number(word()) ?? 0 }

    /// One within that range; its lower end for any other.
    mutating func number<Number: FixedWidthInteger>(in range: ClosedRange<Number>) -> Number {
      let number = number(Number.self)
      return range.contains(number) ? number : range.lowerBound
    }

    /// All that is left, as it was before it became a line.
    func text() -> String { StateText.plain(rest) }
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }

  private static func plain(_ text: Substring) -> String {
    var result = ""
    var isEscaped = false
    for character in text.unicodeScalars {
      if isEscaped {
        result.unicodeScalars.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
