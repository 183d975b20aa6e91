/// Properties of single ASCII bytes in the grammars of RFC 9110 and RFC 3986.
@usableFromInline
package enum ASCII {
  @inlinable package static var cr: UInt8 { 0x0D }
  @inlinable package static var lf: UInt8 { 0x0A }
  /// CR LF as a word in memory order.
  @inlinable package static var crlf: UInt16 { UInt16(littleEndian: 0x0A0D) }
  @inlinable package static var space: UInt8 { 0x20 }
  @inlinable package static var tab: UInt8 { 0x09 }
  @inlinable package static var colon: UInt8 { 0x3A }
  @inlinable package static var comma: UInt8 { 0x2C }
  @inlinable package static var semicolon: UInt8 { 0x3B }
  @inlinable package static var slash: UInt8 { 0x2F }
  @inlinable package static var percent: UInt8 { 0x25 }
  @inlinable package static var question: UInt8 { 0x3F }
  @inlinable package static var dot: UInt8 { 0x2E }
  @inlinable package static var underscore: UInt8 { 0x5F }

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

  /// The class of each byte: `t` for `tchar` (RFC 9110 section 5.6.2), which names and methods consist of; `_` for the
  /// underscore, which is also a `tchar`; `.` for all others.
  @usableFromInline
  static var tokenClasses: StaticString {
    """
    .................................t.ttttt..tt.tt.tttttttttt......\
    .tttttttttttttttttttttttttt...t_ttttttttttttttttttttttttttt.t.t.\
    ................................................................\
    ................................................................
    """
  }

  @inlinable
  package static func tokenClass(_ byte: UInt8) -> UInt8 {
    unsafe tokenClasses.utf8Start[Int(byte)]  // there are 256
  }

  @inlinable
  package static func isToken(_ byte: UInt8) -> Bool { tokenClass(byte) != dot }

  /// The bytes of a field value: visible characters, space, tab, and bytes above ASCII (RFC 9110 section 5.5).
  @inlinable
  package static func isFieldValue(_ byte: UInt8) -> Bool {
    (byte >= 0x20 && byte != 0x7F) || byte == tab
  }

  /// `r` for `unreserved` and `sub-delims` of RFC 3986, which a registered name consists of apart from
  /// percent-encoding.
  private static var registeredNameClasses: StaticString {
    """
    .................................r..r.rrrrrrrrr.rrrrrrrrrr.r.r..\
    .rrrrrrrrrrrrrrrrrrrrrrrrrr....r.rrrrrrrrrrrrrrrrrrrrrrrrrr...r.\
    ................................................................\
    ................................................................
    """
  }

  package static func isRegisteredName(_ byte: UInt8) -> Bool {
    unsafe registeredNameClasses.utf8Start[Int(byte)] != dot  // there are 256
  }
}
