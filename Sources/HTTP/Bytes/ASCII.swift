/// Facts about single ASCII bytes, as the grammars of RFC 9110 and RFC 3986 use them.
package enum ASCII {
  package static let cr: UInt8 = 0x0D
  package static let lf: UInt8 = 0x0A
  package static let space: UInt8 = 0x20
  package static let tab: UInt8 = 0x09
  package static let colon: UInt8 = 0x3A
  package static let comma: UInt8 = 0x2C
  package static let semicolon: UInt8 = 0x3B
  package static let slash: UInt8 = 0x2F
  package static let percent: UInt8 = 0x25
  package static let question: UInt8 = 0x3F
  package static let dot: UInt8 = 0x2E
  package static let underscore: UInt8 = 0x5F

  @inlinable
  package static func lowercased(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
  }

  @inlinable
  package static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

  @inlinable
  package static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  package static func isOptionalWhitespace(_ byte: UInt8) -> Bool { byte == space || byte == tab }

  /// The value of a hexadecimal digit, or nil.
  package static func hexValue(_ byte: UInt8) -> UInt8? {
    if isDigit(byte) { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  package static func hexDigits(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16, uppercase: true)
    return byte < 16 ? "0" + text : text
  }

  /// `tchar` of RFC 9110 section 5.6.2: what names and methods are made of.
  @inlinable
  package static func isToken(_ byte: UInt8) -> Bool {
    // One bit a character: digits, letters and !#$%&'*+-.^_`|~
    let bits: UInt64
    switch byte >> 6 {
    case 0: bits = 0x03FF_6CFA_0000_0000
    case 1: bits = 0x57FF_FFFF_C7FF_FFFE
    default: return false
    }
    return bits >> UInt64(byte & 63) & 1 == 1
  }

  /// What a field value may hold: visible characters, space, tab, and bytes above ASCII (RFC 9110 section 5.5).
  @inlinable
  package static func isFieldValue(_ byte: UInt8) -> Bool {
    (byte >= 0x20 && byte != 0x7F) || byte == tab
  }

  /// `unreserved` or `sub-delims` of RFC 3986: what a registered name is made of, percent-encoding aside.
  package static func isRegisteredName(_ byte: UInt8) -> Bool {
    if isDigit(byte) || isLetter(byte) { return true }
    switch byte {
    case 0x2D, 0x2E, 0x5F, 0x7E: return true  // - . _ ~
    case 0x21, 0x24, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x3B, 0x3D: return true  // ! $ & ' ( ) * + , ; =
    default: return false
    }
  }
}
