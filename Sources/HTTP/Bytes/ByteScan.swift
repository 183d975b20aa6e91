/// Scans that decide how fast a head is read: sixteen bytes a step where the input allows it.
package enum ByteScan {
  /// The first index in `start..<end` that holds a control character (below 0x20, or 0x7F), or `end`.
  ///
  /// HTAB counts as one; the caller goes on behind it where the grammar allows tabs.
  @inlinable
  @inline(__always)
  package static func firstControl(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 16 <= end {
      let chunk = unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD16<UInt8>.self)
      if let lane = firstLane(bytes(chunk .< SIMD16(repeating: 0x20)) | bytes(chunk .== SIMD16(repeating: 0x7F))) {
        return index &+ lane
      }
      index &+= 16
    }
    while index < end {
      let byte = unsafe base[index]
      if byte < 0x20 || byte == 0x7F { return index }
      index &+= 1
    }
    return end
  }

  /// The first index in `start..<end` that holds anything but visible ASCII (0x21 to 0x7E), or `end`.
  @inlinable
  package static func firstInvisible(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 16 <= end {
      let chunk = unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD16<UInt8>.self)
      if let lane = firstLane(bytes((chunk &- SIMD16(repeating: 0x21)) .> SIMD16(repeating: 0x5D))) {
        return index &+ lane
      }
      index &+= 16
    }
    while index < end {
      if unsafe base[index] &- 0x21 > 0x5D { return index }
      index &+= 1
    }
    return end
  }

  /// The first index in `start..<end` that holds anything but a letter, a digit or a hyphen, or `end`: where a field
  /// name of the usual kind ends. Eight bytes a step, in one word.
  @inlinable
  @inline(__always)
  package static func firstUnusualInName(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 8 <= end {
      let word = unsafe UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
      // In each byte below 0x80, adding 0x80 - n carries into the top bit just if the byte is n or more.
      let tops: UInt64 = 0x8080_8080_8080_8080
      let ascii = word & ~tops
      let folded = ascii | 0x2020_2020_2020_2020
      let letters = (folded &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(folded &+ 0x0505_0505_0505_0505)
      let digits = (ascii &+ 0x5050_5050_5050_5050) & ~(ascii &+ 0x4646_4646_4646_4646)
      let hyphens = ~((ascii ^ 0x2D2D_2D2D_2D2D_2D2D) &+ 0x7F7F_7F7F_7F7F_7F7F)
      let unusual = (~(letters | digits | hyphens) | word) & tops
      if unusual != 0 { return index &+ unusual.trailingZeroBitCount >> 3 }
      index &+= 8
    }
    while index < end {
      let byte = unsafe base[index]
      guard ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D else { return index }
      index &+= 1
    }
    return end
  }

  /// The first index in `start..<end` that holds one of two bytes, or `end`.
  @inlinable
  package static func first(
    _ one: UInt8, or other: UInt8, _ base: UnsafePointer<UInt8>, from start: Int, to end: Int
  ) -> Int {
    var index = start
    while index &+ 16 <= end {
      let chunk = unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD16<UInt8>.self)
      if let lane = firstLane(bytes(chunk .== SIMD16(repeating: one)) | bytes(chunk .== SIMD16(repeating: other))) {
        return index &+ lane
      }
      index &+= 16
    }
    while index < end {
      let byte = unsafe base[index]
      if byte == one || byte == other { return index }
      index &+= 1
    }
    return end
  }

  /// A mask as sixteen bytes of 0x00 or 0xFF: operators of integers compile to single instructions, those of masks do
  /// not.
  @inlinable
  static func bytes(_ mask: SIMDMask<SIMD16<Int8>>) -> SIMD16<UInt8> {
    unsafe unsafeBitCast(mask, to: SIMD16<UInt8>.self)  // which is how a mask is stored
  }

  /// The lowest lane that is not 0.
  @inlinable
  static func firstLane(_ lanes: SIMD16<UInt8>) -> Int? {
    let halves = unsafe unsafeBitCast(lanes, to: SIMD2<UInt64>.self)  // the same sixteen bytes
    if halves[0] != 0 { return halves[0].trailingZeroBitCount >> 3 }
    if halves[1] != 0 { return 8 &+ halves[1].trailingZeroBitCount >> 3 }
    return nil
  }
}
