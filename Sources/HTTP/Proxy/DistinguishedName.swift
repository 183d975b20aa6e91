/// A certificate's subject as text (RFC 4514) if only its common name is known.
package enum DistinguishedName {
  /// `CN=` and the name, escaped in OpenSSL's way (XN_FLAG_RFC2253).
  package static func text(commonName name: Bytes) -> [UInt8] {
    var text = Array("CN=".utf8)
    for index in 0..<name.count {
      let byte = name[index]
      let isAtEnd = index == 0 || index == name.count - 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "<"),
        UInt8(ascii: ">"), UInt8(ascii: "\\"):
        text += [backslash, byte]
      case ASCII.space where isAtEnd, UInt8(ascii: "#") where index == 0: text += [backslash, byte]
      case ASCII.space..<0x7F: text.append(byte)
      default: text += [backslash, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return text
  }

  private static let backslash = UInt8(ascii: "\\")
  private static let digits = Array("0123456789ABCDEF".utf8)
}
