#if arch(x86_64)
  private import _Builtin_intrinsics.intel.sse2
#endif

/// Sixteen bytes that are tested at once. The result of a test is a mask whose bit n is for byte n.
///
/// The tests are wrapping additions that set the top bit of a lane. The compiler turns comparisons of lanes into loops
/// as soon as several kinds occur in a function; it never does that to additions.
@safe
struct ByteBlock {
  private let lanes: SIMD16<UInt8>

  /// The sixteen bytes at `start`.
  @inline(__always)
  init(_ start: UnsafePointer<UInt8>) {
    lanes = unsafe UnsafeRawPointer(start).loadUnaligned(as: SIMD16<UInt8>.self)
  }

  /// The `count` bytes at `start`, 1 to 15, followed by zeros. Reads no byte beyond them.
  @inline(__always)
  init(_ start: UnsafePointer<UInt8>, count: Int) {
    let bytes = unsafe UnsafeRawPointer(start)
    let bits = UInt64(truncatingIfNeeded: count) &* 8
    let words: SIMD2<UInt64>
    // The first and the last few bytes, which overlap in the middle; the overlap is shifted out.
    if count >= 8 {
      let last = unsafe bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      // Shift distances are modulo 64. 8 bytes all fit into the first word.
      words = unsafe SIMD2(bytes.loadUnaligned(as: UInt64.self), count == 8 ? 0 : last &>> (0 &- bits))
    } else if count >= 4 {
      let first = unsafe UInt64(bytes.loadUnaligned(as: UInt32.self))
      let last = unsafe UInt64(bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
      words = SIMD2(first | last &<< (bits &- 32), 0)
    } else {
      let middle = count &>> 1
      let (first, last) = unsafe (UInt64(start[0]), UInt64(start[count &- 1]))
      let between = unsafe UInt64(start[middle]) &<< (UInt64(truncatingIfNeeded: middle) &* 8)
      words = SIMD2(first | between | last &<< (bits &- 8), 0)
    }
    lanes = unsafe unsafeBitCast(words, to: SIMD16<UInt8>.self)  // the same sixteen bytes
  }

  /// The `count` bytes at `start`, 1 to 15, in no particular order and some of them twice: for tests of all bytes.
  @inline(__always)
  init(covering start: UnsafePointer<UInt8>, count: Int) {
    let bytes = unsafe UnsafeRawPointer(start)
    if count >= 8 {
      let last = unsafe bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      lanes = unsafe unsafeBitCast(SIMD2(bytes.loadUnaligned(as: UInt64.self), last), to: SIMD16<UInt8>.self)
    } else if count >= 4 {
      let first = unsafe UInt64(bytes.loadUnaligned(as: UInt32.self))
      let last = unsafe UInt64(bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
      lanes = unsafe unsafeBitCast(SIMD2(repeating: first | last &<< 32), to: SIMD16<UInt8>.self)
    } else {
      let (first, middle, last) = unsafe (UInt32(start[0]), UInt32(start[count &>> 1]), UInt32(start[count &- 1]))
      let all = first | middle &<< 8 | last &<< 16 | first &<< 24
      lanes = unsafe unsafeBitCast(SIMD4(repeating: all), to: SIMD16<UInt8>.self)
    }
  }

  /// The `count` bytes at `start`, not inlined: for the end of a scan, which most scans do not reach.
  @inline(never)
  static func rest(_ start: UnsafePointer<UInt8>, count: Int) -> ByteBlock { unsafe ByteBlock(start, count: count) }

  /// Control characters: below 0x20, and 0x7F.
  @inline(__always)
  var controls: UInt32 {
    topBits(((lanes &- each(0x20)) | (lanes &+ each(0x01))) & ~lanes)
  }

  /// All bytes but visible ASCII (0x21 to 0x7E).
  @inline(__always)
  var invisibles: UInt32 { topBits(invisible) }

  /// Bytes above ASCII.
  @inline(__always)
  var notASCII: UInt32 { topBits(lanes) }

  /// Number signs and invisible bytes.
  @inline(__always)
  var endsOfQuery: UInt32 { topBits(invisible | equal(to: UInt8(ascii: "#"))) }

  /// Question marks, number signs and invisible bytes.
  @inline(__always)
  var endsOfPath: UInt32 { topBits(invisible | equal(to: UInt8(ascii: "#")) | equal(to: ASCII.question)) }

  /// Percent signs and dots.
  @inline(__always)
  var percentsAndDots: UInt32 { topBits(equal(to: ASCII.percent) | equal(to: ASCII.dot)) }

  /// The given byte, which is not 0.
  @inline(__always)
  func matches(_ byte: UInt8) -> UInt32 { topBits(equal(to: byte)) }

  /// All bytes but letters and hyphens.
  @inline(__always)
  var unusualInNames: UInt32 {
    // Tests ASCII; other bytes have the top bit set already.
    let otherThanHyphen = (lanes ^ each(0x2D)) &+ each(0x7F)
    return topBits(~letters & otherThanHyphen | lanes)
  }

  /// All bytes but letters, digits, hyphens and dots.
  @inline(__always)
  var unusualInHosts: UInt32 {
    let hyphenToNine = (lanes &+ each(0x80 - 0x2D)) & ~(lanes &+ each(0x80 - 0x3A))
    let otherThanSlash = (lanes ^ each(0x2F)) &+ each(0x7F)
    return topBits(~(letters | hyphenToNine & otherThanSlash))
  }

  /// All bytes but digits.
  @inline(__always)
  var nonDigits: UInt32 {
    topBits(~((lanes &+ each(0x80 - 0x30)) & ~(lanes &+ each(0x80 - 0x3A))))
  }

  // MARK: Lanes

  @inline(__always)
  private var invisible: SIMD16<UInt8> { (lanes &- each(0x21)) | (lanes &+ each(0x01)) | lanes }

  /// A lane in n..<(0x80 + n) has its top bit set after 0x80 - n is added.
  @inline(__always)
  private var letters: SIMD16<UInt8> {
    let folded = lanes | each(0x20)
    return (folded &+ each(0x80 - 0x61)) & ~(folded &+ each(0x80 - 0x7B))
  }

  @inline(__always)
  private func equal(to byte: UInt8) -> SIMD16<UInt8> {
    let difference = lanes ^ each(byte)
    // Only a lane of 0 has no top bit and gets one when 1 is subtracted.
    return (difference &- each(0x01)) & ~difference
  }

  @inline(__always)
  private func each(_ byte: UInt8) -> SIMD16<UInt8> { SIMD16(repeating: byte) }

  /// The top bits of all lanes.
  @inline(__always)
  private func topBits(_ answers: SIMD16<UInt8>) -> UInt32 {
    #if arch(x86_64)
      // Every x86-64 has SSE2.
      return unsafe UInt32(bitPattern: _mm_movemask_epi8(unsafeBitCast(answers, to: __m128i.self)))
    #else
      let words = unsafe unsafeBitCast(answers &>> each(7), to: SIMD2<UInt64>.self)  // the same sixteen bytes
      // Each of the eight bits moves to its place in the top byte, and no two of the products' bits coincide.
      let gathered = (words &* SIMD2(repeating: 0x0102_0408_1020_4080)) &>> SIMD2(repeating: 56)
      return UInt32(truncatingIfNeeded: gathered[0] | gathered[1] << 8)
    #endif
  }
}
