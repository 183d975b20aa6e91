/// Validates UTF-8 that arrives in pieces (RFC 3629): a byte is refused as soon as no character can continue with it.
package struct UTF8Validator {
  /// How many bytes the current character still needs.
  private var needed: UInt8 = 0
  /// How many bytes of it are there.
  package private(set) var unfinished = 0
  /// The range of its next byte.
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  package init() {}

  /// No character is unfinished: the text may end here.
  package var isComplete: Bool { needed == 0 }

  /// Validates `bytes`, which continue those of the last call; false if they can't be UTF-8.
  package mutating func take(_ bytes: Bytes) -> Bool {
    guard let base = unsafe bytes.base else { return true }
    var place = unsafe base
    let end = unsafe base + bytes.count
    while unsafe place < end {
      if needed == 0 {
        if unsafe place.pointee < 0x80 {
          guard let next = unsafe ByteScan.notASCII(place, end) else { return true }
          unsafe place = next
        }
        if unsafe end - place >= 4 {
          let length = unsafe UTF8Validator.characterLength(UnsafeRawPointer(place).loadUnaligned(as: UInt32.self))
          unsafe place += length
          if length > 0 { continue }
        }
      }
      if unsafe !step(place.pointee) { return false }
      unsafe place += 1
    }
    return true
  }

  /// The length of the character of 2 to 4 bytes that `word` begins with in memory order; 0 if there is none.
  @inline(__always)
  private static func characterLength(_ word: UInt32) -> Int {
    let word = UInt32(littleEndian: word)
    // The bits that tell its length, then those that an overlong form, a surrogate or more than U+10FFFF would have.
    if word & 0x00C0_C0F0 == 0x0080_80E0 {
      let start = word & 0x200F
      return start != 0 && start != 0x200D ? 3 : 0
    }
    if word & 0xC0E0 == 0x80C0 { return word & 0x1E != 0 ? 2 : 0 }
    if word & 0xC0C0_C0F8 == 0x8080_80F0 {
      let start = word & 0x3007
      return start != 0 && (start & 7 < 4 || start == 4) ? 4 : 0
    }
    return 0
  }

  /// The first byte of a character, or the next.
  @inline(__always)
  private mutating func step(_ byte: UInt8) -> Bool {
    guard needed == 0 else {
      guard byte >= lowest && byte <= highest else { return false }
      needed &-= 1
      unfinished = needed == 0 ? 0 : unfinished &+ 1
      (lowest, highest) = (0x80, 0xBF)
      return true
    }
    switch byte {
    case 0...0x7F: return true
    case 0xC2...0xDF: needed = 1
    case 0xE0...0xEF:
      needed = 2
      // Neither overlong forms nor surrogates.
      if byte == 0xE0 { lowest = 0xA0 }
      if byte == 0xED { highest = 0x9F }
    case 0xF0...0xF4:
      needed = 3
      // Neither overlong forms nor anything above U+10FFFF.
      if byte == 0xF0 { lowest = 0x90 }
      if byte == 0xF4 { highest = 0x8F }
    default: return false
    }
    unfinished = 1
    return true
  }

  /// Whether a whole text is UTF-8.
  @inline(__always)
  static func isValid(_ text: Bytes) -> Bool {
    guard let base = unsafe text.base, text.count > 0 else { return true }
    return unsafe ByteScan.isASCII(base, base + text.count) || isValidBeyondASCII(text)
  }

  @inline(never)
  private static func isValidBeyondASCII(_ text: Bytes) -> Bool {
    var validator = UTF8Validator()
    return validator.take(text) && validator.isComplete
  }

  /// The length of the longest beginning of `bytes` that is UTF-8 and has at most `limit` bytes.
  package static func validPrefix(_ bytes: Bytes, limit: Int) -> Int {
    var validator = UTF8Validator()
    var length = 0
    for index in 0..<min(bytes.count, limit) {
      guard validator.step(bytes[index]) else { break }
      if validator.isComplete { length = index + 1 }
    }
    return length
  }
}
