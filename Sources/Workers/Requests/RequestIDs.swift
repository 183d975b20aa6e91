import Glibc
import HTTP

/// Makes the ids of requests that bring none: sixteen hexadecimal digits, different in every worker and request.
struct RequestIDs {
  static let length = 16

  private var state: UInt64

  init() {
    var generator = SystemRandomNumberGenerator()
    state = generator.next()
  }

  /// Writes the next id to `output`, which has room for `length` bytes.
  mutating func next(into output: UnsafeMutablePointer<UInt8>) -> Bytes {
    // A Weyl sequence through a mixing function: no id comes twice within 2^64.
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    let digits = UnsafeMutableRawPointer(output)
    unsafe digits.storeBytes(of: RequestIDs.hexadecimal(mixed >> 32), as: UInt64.self)
    unsafe digits.storeBytes(of: RequestIDs.hexadecimal(mixed & 0xFFFF_FFFF), toByteOffset: 8, as: UInt64.self)
    return unsafe Bytes(base: output, count: RequestIDs.length)
  }

  /// The eight digits of a number of 32 bits, as they stand in memory.
  private static func hexadecimal(_ number: UInt64) -> UInt64 {
    // One half byte in each byte.
    var halves = (number | number << 16) & 0x0000_FFFF_0000_FFFF
    halves = (halves | halves << 8) & 0x00FF_00FF_00FF_00FF
    halves = (halves | halves << 4) & 0x0F0F_0F0F_0F0F_0F0F
    let letters = (halves &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return (halves &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).bigEndian
  }
}
