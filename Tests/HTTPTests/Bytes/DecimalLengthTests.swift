import HTTP
import Testing

@Suite struct DecimalLengthTests {
  @Test(arguments: [
    ("0", 0), ("5", 5), ("0005", 5), ("10", 10), ("1073741824", 1 << 30),
    ("999999999999999999", 999_999_999_999_999_999),
    ("0000000000000000005", 5), ("9223372036854775807", Int64.max), ("9223372036854775806", Int64.max - 1),
  ])
  func numbers(text: String, expected: Int64) {
    #expect(withBytes(text) { DecimalLength.parse($0) } == expected)
  }

  @Test(arguments: [
    "", " ", "-", "+", "-1", "+1", " 1", "1 ", "1\t", "1,1", "1, 1", "0x1", "1a", "a1", "1.0", "1e1", "1_0", "1\0",
    "\0", "/", ":",
    "\u{B2}", "9223372036854775808", "9223372036854775810", "9999999999999999999", "00000000000000000005",
    "18446744073709551616", "18446744073709551621", "99999999999999999999",
  ])
  func notNumbers(text: String) {
    #expect(withBytes(text) { DecimalLength.parse($0) } == nil)
  }
}
