/// The keys of TLS session tickets in the form that a master sends for the next master: a line for each, with its time
/// and hexadecimal digits. The supervisor checks only the form.
enum TicketKeysText {
  private static let maxKeys = 8
  private static let digits = 64...1024

  /// - Parameter now: monotonic nanoseconds; no key may have a later time.
  static func isWellFormed(_ text: String, now: UInt64) -> Bool {
    guard text.utf8.last == UInt8(ascii: "\n") else { return false }
    let lines = text.utf8.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return !lines.isEmpty && lines.count <= maxKeys
      && lines.allSatisfy { line in
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 2, let madeAt = UInt64(String(decoding: words[0], as: UTF8.self)) else { return false }
        return madeAt <= now && digits.contains(words[1].count) && words[1].allSatisfy(isHexadecimal)
      }
  }

  private static func isHexadecimal(_ digit: UInt8) -> Bool {
    (0x30...0x39).contains(digit) || (0x61...0x66).contains(digit)
  }
}
