/// Copies a few bytes, such as names, values and small bodies, without a call.
@usableFromInline
package enum ByteCopy {
  /// Copies `count` bytes from `source` to `place`, which do not overlap.
  ///
  /// Two moves that overlap in the middle copy any count between their size and twice that.
  @inlinable
  @inline(__always)
  package static func copy(_ source: UnsafePointer<UInt8>, _ count: Int, to place: UnsafeMutablePointer<UInt8>) {
    let (source, place) = unsafe (UnsafeRawPointer(source), UnsafeMutableRawPointer(place))
    switch count {
    case 129...: unsafe place.copyMemory(from: source, byteCount: count)
    case 64...: unsafe ends(of: source, count, to: place, as: SIMD8<UInt64>.self)
    case 32...: unsafe ends(of: source, count, to: place, as: SIMD4<UInt64>.self)
    case 16...: unsafe ends(of: source, count, to: place, as: SIMD2<UInt64>.self)
    case 8...: unsafe ends(of: source, count, to: place, as: UInt64.self)
    case 4...: unsafe ends(of: source, count, to: place, as: UInt32.self)
    case 2...: unsafe ends(of: source, count, to: place, as: UInt16.self)
    case 1: unsafe place.storeBytes(of: source.load(as: UInt8.self), as: UInt8.self)
    default: break
    }
  }

  @inlinable
  @inline(__always)
  static func ends<Word: BitwiseCopyable>(
    of source: UnsafeRawPointer, _ count: Int, to place: UnsafeMutableRawPointer, as: Word.Type
  ) {
    let last = count &- MemoryLayout<Word>.size
    let (first, second) = unsafe (
      source.loadUnaligned(as: Word.self), source.loadUnaligned(fromByteOffset: last, as: Word.self)
    )
    unsafe place.storeBytes(of: first, as: Word.self)
    unsafe place.storeBytes(of: second, toByteOffset: last, as: Word.self)
  }
}
