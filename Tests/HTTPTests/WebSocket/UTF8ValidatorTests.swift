import HTTP
import Testing

@Suite struct UTF8ValidatorTests {
  /// Nil if it is refused.
  private func isComplete(_ bytes: [UInt8], pieces size: Int = .max) -> Bool? {
    var validator = UTF8Validator()
    var rest = bytes[...]
    while !rest.isEmpty {
      let piece = rest.prefix(size)
      guard withBytes(Array(piece), { validator.take($0) }) else { return nil }
      rest = rest.dropFirst(piece.count)
    }
    return validator.isComplete
  }

  private func isValid(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  /// Whether some bytes after these make them valid: the beginning of a character has at most three.
  private func mayContinue(_ bytes: [UInt8]) -> Bool {
    let tails: [[UInt8]] = [
      [], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0x90, 0x80, 0x80], [0xA0, 0x80],
    ]
    return tails.contains { isValid(bytes + $0) }
  }

  /// All first bytes, and others at the borders of each range.
  @Test func isTheSameAsTheStandardLibrarysReading() {
    let borders: [UInt8] = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE1, 0xFF]
    for first in UInt8.min...UInt8.max {
      #expect(agrees([first]))
      for second in borders {
        #expect(agrees([first, second]))
        guard first >= 0xE0 && second >= 0x80 else { continue }
        for third in borders {
          #expect(agrees([first, second, third]))
          guard first >= 0xF0 else { continue }
          for fourth in borders { #expect(agrees([first, second, third, fourth])) }
        }
      }
    }
  }

  /// Alone, byte by byte, and with others behind it.
  private func agrees(_ bytes: [UInt8]) -> Bool {
    let others = [0x61, 0x62, 0x63, 0x64] as [UInt8]
    guard isComplete(bytes) == isComplete(bytes, pieces: 1),
      isComplete(bytes + others) == (isValid(bytes + others) ? true : nil)
    else { return false }
    return switch isComplete(bytes) {
    case true: isValid(bytes)
    case false: !isValid(bytes) && mayContinue(bytes)
    case nil: !mayContinue(bytes)
    }
  }

  /// Behind any number of bytes of ASCII, which are skipped in blocks.
  @Test func findsABadByteAnywhere() {
    for before in 0..<70 {
      for after in [0, 1, 20] {
        let ascii = { [UInt8](repeating: 0x61, count: $0) }
        for (middle, expected) in [([0xC3, 0xA9], true), ([0xFF], nil), ([0xE2, 0x82], after == 0 ? false : nil)]
          as [([UInt8], Bool?)]
        {
          for size in [1, 3, .max] {
            #expect(isComplete(ascii(before) + middle + ascii(after), pieces: size) == expected)
          }
        }
      }
    }
  }

  @Test func validPrefixes() {
    let cases: [([UInt8], Int, Int)] = [
      ([], 10, 0), (Array("abc".utf8), 10, 3), (Array("abc".utf8), 2, 2), (Array("aé".utf8), 2, 1),
      (Array("aé".utf8), 3, 3),
      ([0x61, 0xFF, 0x61], 10, 1), (Array("🎉".utf8), 3, 0), ([0xC3], 10, 0), (Array("ab".utf8), 0, 0),
    ]
    for (bytes, limit, length) in cases {
      #expect(withBytes(bytes) { UTF8Validator.validPrefix($0, limit: limit) } == length)
    }
  }
}
