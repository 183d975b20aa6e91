/// Scans that decide how fast a head is read: sixteen bytes a step where the input allows it.
package enum ByteScan {
  /// The first index in `start..<end` that holds a control character (below 0x20, or 0x7F), or `end`.
  ///
  /// HTAB counts as one; the caller goes on behind it where the grammar allows tabs.
  @inlinable
  package static func firstControl(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while index &+ 16 <= end {
      let chunk = unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD16<UInt8>.self)
      if let lane = firstLane(chunk .< SIMD16(repeating: 0x20) .| chunk .== SIMD16(repeating: 0x7F)) {
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
      if let lane = firstLane((chunk &- SIMD16(repeating: 0x21)) .> SIMD16(repeating: 0x5D)) {
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

  /// The lowest lane that is true.
  @inlinable
  static func firstLane(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
    let lanes = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)  // a mask is sixteen bytes of 0x00 or 0xFF
    if lanes[0] != 0 { return lanes[0].trailingZeroBitCount >> 3 }
    if lanes[1] != 0 { return 8 &+ lanes[1].trailingZeroBitCount >> 3 }
    return nil
  }
}
