/// Makes the ids of requests that bring none: sixteen hexadecimal digits, different in every request, and, as far as 64
/// bits of chance can say, in every worker.
///
/// An id is a number that counts from a place of chance. Its lower half goes through a mixing function, so that ids that
/// follow one another look different; the digits of the upper half change once in 2^32 requests.
@usableFromInline
package struct RequestIDs {
  @inlinable
  package static var length: Int { 16 }

  private var upper: UInt32
  @usableFromInline var lower: UInt32
  /// Of `upper`.
  @usableFromInline var upperDigits: UInt64

  package init() {
    var generator = SystemRandomNumberGenerator()
    self.init(startingAt: generator.next())
  }

  /// - Parameter number: the one before the first.
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
    // Each step can be undone, so that no two numbers become the same one.
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

  /// The eight digits of a number, as they stand in memory.
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
