/// Words and lines in which a supervisor leaves its state to its successor: one record a line, its kind first, words
/// apart by spaces, and free text last.
package enum StateText {
  /// Moves on when a former supervisor could not read the records, or a new one not those of the former.
  static let version = 1
  /// A program that says this of its version, and that number, can take over.
  static let claim = "supervisor state "

  /// What a program of this version says.
  package static var versionLine: String { "\(claim)\(version)" }

  static func line(_ words: [String], text: String? = nil) -> String {
    (words + (text.map { [escaped($0)] } ?? [])).joined(separator: " ") + "\n"
  }

  /// The lines of a state.
  static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] { text.split(separator: UInt8(ascii: "\n")) }

  /// A record: its words, of which the last may be free text. All of it is read as bytes: a Character can be a space or a
  /// line's end together with what stands beside it.
  struct Record {
    private var rest: ArraySlice<UInt8>

    init(_ line: ArraySlice<UInt8>) { rest = line }

    init(_ line: Substring) { rest = Array(line.utf8)[...] }

    /// The next word; empty at the end.
    mutating func word() -> String {
      let word = rest.prefix { $0 != UInt8(ascii: " ") }
      rest = rest[word.endIndex...].dropFirst()
      return String(decoding: word, as: UTF8.self)
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

  /// No control character is left as it is, so that no text ends a line or is a part of its end.
  private static func escaped(_ text: String) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): result += [byte, byte]
      case UInt8(ascii: "\n"): result += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      case 0..<0x20, 0x7F:
        result += [UInt8(ascii: "\\"), UInt8(ascii: "x")] + [byte >> 4, byte & 15].map { digits[Int($0)] }
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static let digits = Array("0123456789abcdef".utf8)

  private static func plain(_ text: ArraySlice<UInt8>) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var rest = text
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
        result.append(byte)
        continue
      }
      switch escaped {
      case UInt8(ascii: "n"): result.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "x"):
        result.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? UInt8(ascii: "?"))
        rest = rest.dropFirst(2)
      default: result.append(escaped)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
