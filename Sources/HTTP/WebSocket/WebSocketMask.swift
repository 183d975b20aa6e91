/// The masking of a client's payload (RFC 6455 section 5.3): an exclusive or with the four bytes of the key, over and
/// over.
package struct WebSocketMask {
  /// The key as it applies to the next byte: that byte's part is the least significant.
  private var key: UInt32

  /// - Parameter bytes: the four bytes of the key.
  @inline(__always)
  package init(_ bytes: Bytes) {
    key = UInt32(bytes[0]) | UInt32(bytes[1]) &<< 8 | UInt32(bytes[2]) &<< 16 | UInt32(bytes[3]) &<< 24
  }

  static var none: WebSocketMask { WebSocketMask(key: 0) }

  private init(key: UInt32) { self.key = key }

  /// The mask for what follows `count` bytes.
  @inline(__always)
  package func after(_ count: Int) -> WebSocketMask {
    let bits = UInt32(truncatingIfNeeded: count & 3) &* 8
    // Shift distances are modulo 32.
    return WebSocketMask(key: key &>> bits | (bits == 0 ? 0 : key &<< (32 &- bits)))
  }

  /// Writes `count` bytes at `source` to `place` without their mask, or with it: both are the same. The ranges do not
  /// overlap.
  ///
  /// Words from the front; the last word ends with the range and may overlap the one before it.
  @inline(__always)
  package func apply(_ source: UnsafePointer<UInt8>, _ count: Int, to place: UnsafeMutablePointer<UInt8>) {
    let (source, place) = unsafe (UnsafeRawPointer(source), UnsafeMutableRawPointer(place))
    switch count {
    case 16...: unsafe applyBlocks(source, count, to: place)
    case 8...: unsafe applyEnds(source, count, to: place, as: UInt64.self, word, after(count).word)
    case 4...:
      unsafe applyEnds(source, count, to: place, as: UInt32.self, key.littleEndian, after(count).key.littleEndian)
    default:
      for index in 0..<max(0, count) {
        let byte = unsafe source.load(fromByteOffset: index, as: UInt8.self)
        let part = UInt8(truncatingIfNeeded: key &>> UInt32(truncatingIfNeeded: index &* 8))
        unsafe place.storeBytes(of: byte ^ part, toByteOffset: index, as: UInt8.self)
      }
    }
  }

  /// The key twice, in memory order.
  @inline(__always)
  private var word: UInt64 { (UInt64(key) | UInt64(key) &<< 32).littleEndian }

  @inline(__always)
  private func applyEnds<Word: FixedWidthInteger & BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ count: Int, to place: UnsafeMutableRawPointer, as: Word.Type, _ first: Word,
    _ last: Word
  ) {
    let end = count &- MemoryLayout<Word>.size
    let (one, other) = unsafe (
      source.loadUnaligned(as: Word.self), source.loadUnaligned(fromByteOffset: end, as: Word.self)
    )
    unsafe place.storeBytes(of: one ^ first, as: Word.self)
    unsafe place.storeBytes(of: other ^ last, toByteOffset: end, as: Word.self)
  }

  /// The same for 16 bytes and more, sixteen at a time.
  @inline(__always)
  private func applyBlocks(_ source: UnsafeRawPointer, _ count: Int, to place: UnsafeMutableRawPointer) {
    typealias Block = SIMD2<UInt64>
    let mask = Block(repeating: word)
    let last = count &- 16
    var offset = 0
    while offset &+ 64 <= last {
      for step in 0..<4 {
        let at = offset &+ step &* 16
        unsafe place.storeBytes(
          of: source.loadUnaligned(fromByteOffset: at, as: Block.self) ^ mask, toByteOffset: at, as: Block.self)
      }
      offset &+= 64
    }
    while offset < last {
      unsafe place.storeBytes(
        of: source.loadUnaligned(fromByteOffset: offset, as: Block.self) ^ mask, toByteOffset: offset, as: Block.self)
      offset &+= 16
    }
    unsafe place.storeBytes(
      of: source.loadUnaligned(fromByteOffset: last, as: Block.self) ^ Block(repeating: after(last).word),
      toByteOffset: last, as: Block.self)
  }
}
