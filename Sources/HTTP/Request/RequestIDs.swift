/// Makes IDs for requests without one: sixteen hexadecimal digits, different for all requests of a worker and, up to
/// the collisions of 64 random bits, of all workers.
///
/// An ID is a counter with a random start. Its lower half is mixed, so that consecutive IDs look different; the digits
/// of the upper half change once in 2^32 requests.
@usableFromInline
package struct RequestIDs {
  @inlinable
  package static var length: Int { 16 }

  private var upper: UInt32
  @usableFromInline var lower: UInt32
  /// The digits of `upper`.
  @usableFromInline var upperDigits: UInt64

  package init() {
    var generator = SystemRandomNumberGenerator()
    self.init(startingAt: generator.next())
  }

  /// - Parameter number: the number before the first ID.
  package init(startingAt number: UInt64) {
    upper = UInt32(truncatingIfNeeded: number >> 32)
    lower = UInt32(truncatingIfNeeded: number)
    upperDigits = RequestIDs.hexadecimal(upper)
  }

  /// Writes the next id to `output`, which has room for `length` bytes.
  @inlinable
  @inline(__always)
  package mutating func next(into output: UnsafeMutablePointer<UInt8>) -> Bytes {
    lower &+= 1
    if lower == 0 { carry() }
    // Each step is reversible, so that different numbers remain different.
    var mixed = (lower ^ lower >> 16) &* 0x9E37_79B1
    mixed ^= mixed >> 15
    let digits = UnsafeMutableRawPointer(output)
    unsafe digits.storeBytes(of: upperDigits, as: UInt64.self)
    unsafe digits.storeBytes(of: RequestIDs.hexadecimal(mixed), toByteOffset: 8, as: UInt64.self)
    return unsafe Bytes(base: output, count: RequestIDs.length)
  }

  @inline(never)
  @usableFromInline
  mutating func carry() {
    upper &+= 1
    upperDigits = RequestIDs.hexadecimal(upper)
  }

  /// The eight digits of a number in memory order.
  @inlinable
  @inline(__always)
  static func hexadecimal(_ number: UInt32) -> UInt64 {
    let number = UInt64(number)
    // One half byte in each byte.
    var halves = (number | number << 16) & 0x0000_FFFF_0000_FFFF
    halves = (halves | halves << 8) & 0x00FF_00FF_00FF_00FF
    halves = (halves | halves << 4) & 0x0F0F_0F0F_0F0F_0F0F
    let letters = (halves &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return (halves &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).bigEndian
  }
}
