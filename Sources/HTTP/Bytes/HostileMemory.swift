import Synchronization

/// Memory at its worst, for tests: built with `-D HOSTILE_MEMORY`, every buffer begins small, moves whenever it grows or
/// is appended to, and is overwritten as soon as it is given back; nothing is used again at once. A stale address then
/// shows at its first use, without an exact size, and the address sanitizer names it. Without the flag all of this is
/// constant and leaves no code.
@usableFromInline
package enum HostileMemory {
  #if HOSTILE_MEMORY
    @inlinable package static var isOn: Bool { true }
  #else
    @inlinable package static var isOn: Bool { false }
  #endif

  /// What memory that was given back is filled with.
  package static let poison: UInt8 = 0xDB

  /// A first capacity: `usual`, or in hostile memory a few bytes.
  package static func first(_ usual: Int) -> Int { isOn ? min(usual, draw(1...64)) : usual }

  /// A capacity that holds `needed`: `usual`, or in hostile memory hardly more than needed.
  package static func next(_ usual: Int, needed: Int) -> Int { isOn ? min(usual, needed + draw(0...16)) : usual }

  /// Overwrites `count` bytes and frees them: in hostile memory not at once, so that no new owner hides a stale use.
  package static func free(_ memory: UnsafeMutableRawPointer, count: Int) {
    guard isOn else { return unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: poison, count: count)
    #if ADDRESS_SANITIZER
      // It has a quarantine of its own, and knows what is in it.
      unsafe memory.deallocate()
    #else
      let place = quarantineCount.wrappingAdd(1, ordering: .relaxed).oldValue % quarantineSize
      let former = unsafe quarantine[place].exchange(UInt(bitPattern: memory), ordering: .acquiringAndReleasing)
      unsafe UnsafeMutableRawPointer(bitPattern: former)?.deallocate()
    #endif
  }

  /// Shows `bytes` to `body`, whose they are until it returns: in hostile memory as a copy that is gone then.
  @inlinable
  @inline(__always)
  package static func lend(_ bytes: Bytes, to body: (Bytes) -> Void) {
    if isOn { lendCopy(bytes, to: body) } else { body(bytes) }
  }

  @usableFromInline
  static func lendCopy(_ bytes: Bytes, to body: (Bytes) -> Void) {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    if let base = unsafe bytes.base { unsafe copy.update(from: base, count: bytes.count) }
    body(unsafe Bytes(base: copy, count: bytes.count))
    unsafe free(UnsafeMutableRawPointer(copy), count: max(1, bytes.count))
  }

  private static let quarantineSize = 1024
  private static let quarantineCount = Atomic<Int>(0)
  /// Addresses of blocks that are to be freed; made once, and each word is atomic.
  nonisolated(unsafe) private static let quarantine: UnsafeMutablePointer<Atomic<UInt>> = {
    let words = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: quarantineSize)
    for index in 0..<quarantineSize { unsafe (words + index).initialize(to: Atomic<UInt>(0)) }
    return unsafe words
  }()

  private static let drawn = Atomic<UInt64>(0)

  /// A number of chance, the same in each run for the same order of calls.
  private static func draw(_ range: ClosedRange<Int>) -> Int {
    // SplitMix64.
    var mixed = drawn.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return range.lowerBound + Int((mixed ^ mixed >> 31) % UInt64(range.count))
  }
}
