import HTTP
import Testing

/// Each fact about a byte, for all bytes, against the grammar written out.
@Suite struct ASCIITests {
  private static let digits = "0123456789"
  private static let capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
  private static let letters = capitals + "abcdefghijklmnopqrstuvwxyz"

  private func bytes(where isTrue: (UInt8) -> Bool) -> Set<UInt8> { Set((0...255).filter(isTrue)) }

  @Test func classes() {
    #expect(bytes(where: ASCII.isDigit) == Set(ASCIITests.digits.utf8))
    #expect(bytes(where: ASCII.isLetter) == Set(ASCIITests.letters.utf8))
    #expect(bytes(where: ASCII.isOptionalWhitespace) == Set(" \t".utf8))
    #expect(bytes(where: ASCII.isToken) == Set("\(ASCIITests.digits)\(ASCIITests.letters)!#$%&'*+-.^_`|~".utf8))
    #expect(bytes { ASCII.tokenClass($0) == ASCII.underscore } == Set("_".utf8))
    #expect(
      bytes(where: ASCII.isRegisteredName) == Set("\(ASCIITests.digits)\(ASCIITests.letters)-._~!$&'()*+,;=".utf8))
    #expect(bytes(where: ASCII.isFieldValue) == Set([0x09] + Array(0x20...0x7E) + Array(0x80...0xFF)))
  }

  @Test func letterCase() {
    for byte in UInt8.min...UInt8.max {
      let isCapital = ASCIITests.capitals.utf8.contains(byte)
      #expect(ASCII.lowercased(byte) == (isCapital ? byte + 32 : byte))
    }
  }

  @Test func hexadecimal() {
    for byte in UInt8.min...UInt8.max {
      let digit = byte < 0x80 ? UInt8(latin1([byte]), radix: 16) : nil
      #expect(ASCII.hexValue(byte) == digit)
    }
    #expect(ASCII.hexDigits(0) == "00" && ASCII.hexDigits(0x0A) == "0A" && ASCII.hexDigits(0xFF) == "FF")
  }
}
