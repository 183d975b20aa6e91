// Escaping of untrusted values for a log, so that they can't end a line or a pair of quotes. Output beyond `limit`
// bytes is replaced by three dots.

extension ByteWriter {
  /// Escapes with backslashes: `\"`, `\\`, and `\xNN` for control and non-ASCII characters.
  ///
  /// - Parameter limit: at least 4; the writer has room for it.
  package mutating func append(escaped bytes: Bytes, limit: Int) {
    let end = count &+ limit &- 3
    for index in 0..<bytes.count {
      let byte = bytes[index]
      let isPlain = byte &- 0x20 < 0x5F && byte != 0x22 && byte != 0x5C
      if count &+ (isPlain ? 1 : 4) > end { return append("...") }
      if isPlain {
        append(byte)
      } else if byte == 0x22 || byte == 0x5C {
        append(0x5C)
        append(byte)
      } else {
        append("\\x")
        append(hexadecimalDigits: byte)
      }
    }
  }

  /// Writes a JSON string; invalid UTF-8 becomes the replacement character. Characters that control a terminal or an
  /// editor are escaped although JSON does not require it: C1 controls, line and paragraph separators, and
  /// bidirectional controls (Bidi_Control).
  ///
  /// - Parameter limit: at least 16, quotes included; the writer has room for it.
  package mutating func append(json bytes: Bytes, limit: Int) {
    let end = count &+ limit &- 4
    append(0x22)
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if count &+ 6 > end {
        append("...")
        break
      }
      if byte >= 0x80 {
        let length = bytes.sequenceLength(at: index)
        if length == 0 {
          append("\\ufffd")
        } else if let character = bytes.control(at: index, length: length) {
          append("\\u")
          append(hexadecimalDigits: UInt8(truncatingIfNeeded: character >> 8))
          append(hexadecimalDigits: UInt8(truncatingIfNeeded: character))
        } else {
          append(bytes.slice(index, index + length))
        }
        index += max(1, length)
        continue
      }
      switch byte {
      case 0x22, 0x5C:
        append(0x5C)
        append(byte)
      case 0x20...0x7E: append(byte)
      default:
        append("\\u00")
        append(hexadecimalDigits: byte)
      }
      index += 1
    }
    append(0x22)
  }

  private mutating func append(hexadecimalDigits byte: UInt8) {
    append(hexadecimalDigit: byte >> 4)
    append(hexadecimalDigit: byte & 15)
  }

  private mutating func append(hexadecimalDigit half: UInt8) {
    append(half < 10 ? 0x30 + half : 0x37 + half)
  }
}

extension Bytes {
  /// The length of the UTF-8 sequence that begins at `start` with a byte above ASCII; 0 if it is invalid (Unicode,
  /// table 3-7).
  fileprivate func sequenceLength(at start: Int) -> Int {
    let first = self[start]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard start + length <= count, second.contains(self[start + 1]) else { return 0 }
    for index in start + 2..<start + length where self[index] & 0xC0 != 0x80 { return 0 }
    return length
  }

  /// The character of the UTF-8 sequence at `start`, if it is invisible and changes how others are displayed.
  fileprivate func control(at start: Int, length: Int) -> UInt16? {
    guard length <= 3 else { return nil }
    var character = UInt16(self[start] & (length == 2 ? 0x1F : 0x0F))
    for index in start + 1..<start + length { character = character << 6 | UInt16(self[index] & 0x3F) }
    switch character {
    case 0x80...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: return character
    default: return nil
    }
  }
}
