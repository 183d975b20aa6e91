/// The word `hello`, in whose place a template gets the name of the plugin: where no letter or digit stands beside it, and in
/// `libhello`.
enum Placeholder {
  private static let word = Array("hello".utf8)

  static func replaced(in text: [UInt8], by name: PluginName) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    while position < text.count {
      if isWord(at: position, text) {
        result += name.text.utf8
        position += word.count
      } else {
        result.append(text[position])
        position += 1
      }
    }
    return result
  }

  static func replaced(in text: String, by name: PluginName) -> String {
    String(decoding: replaced(in: Array(text.utf8), by: name), as: UTF8.self)
  }

  private static func isWord(at position: Int, _ text: [UInt8]) -> Bool {
    guard text[position...].starts(with: word), isBoundary(position + word.count, text) else { return false }
    return isBoundary(position - 1, text)
      || (text[..<position].suffix(3).elementsEqual("lib".utf8) && isBoundary(position - 4, text))
  }

  /// Whether there is no letter or digit.
  private static func isBoundary(_ position: Int, _ text: [UInt8]) -> Bool {
    guard text.indices.contains(position) else { return true }
    return switch text[position] {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      false
    default: true
    }
  }
}
