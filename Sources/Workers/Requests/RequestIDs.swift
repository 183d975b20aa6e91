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
    for index in 0..<RequestIDs.length {
      let digit = UInt8(truncatingIfNeeded: mixed >> UInt64(60 - 4 * index) & 15)
      unsafe output[index] = digit < 10 ? 0x30 + digit : 0x57 + digit
    }
    return unsafe Bytes(base: output, count: RequestIDs.length)
  }
}
