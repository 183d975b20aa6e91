import Synchronization

/// Hostile memory for tests: built with `-D HOSTILE_MEMORY`, every buffer begins small, moves when it grows or is
/// appended to, and is overwritten when it is freed. No memory is reused soon. A stale address then fails at its first
/// use, and the address sanitizer reports it. Without the flag everything here is constant and leaves no code.
@usableFromInline
package enum HostileMemory {
  #if HOSTILE_MEMORY
    @inlinable package static var isOn: Bool { true }
  #else
    @inlinable package static var isOn: Bool { false }
  #endif

  /// The byte that freed memory is filled with.
  package static let poison: UInt8 = 0xDB

  /// An initial capacity: `usual`, or a few bytes in hostile memory.
  package static func first(_ usual: Int) -> Int { isOn ? min(usual, draw(1...64)) : usual }

  /// A capacity of at least `needed`: `usual`, or hardly more than needed in hostile memory.
  package static func next(_ usual: Int, needed: Int) -> Int { isOn ? min(usual, needed + draw(0...16)) : usual }

  /// Overwrites `count` bytes and frees them. In hostile memory freeing is delayed, so that a new owner does not hide
  /// stale uses.
  @usableFromInline
  package static func free(_ memory: UnsafeMutableRawPointer, count: Int) {
    guard isOn else { return unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: poison, count: count)
    #if ADDRESS_SANITIZER
      // The address sanitizer has a quarantine of its own, which it checks.
      unsafe memory.deallocate()
    #else
      let place = quarantineCount.wrappingAdd(1, ordering: .relaxed).oldValue % quarantineSize
      let former = unsafe quarantine[place].exchange(UInt(bitPattern: memory), ordering: .acquiringAndReleasing)
      unsafe UnsafeMutableRawPointer(bitPattern: former)?.deallocate()
    #endif
  }

  private static let quarantineSize = 1024
  private static let quarantineCount = Atomic<Int>(0)
  /// Addresses of blocks to be freed; made once, and each word is atomic.
  nonisolated(unsafe) private static let quarantine: UnsafeMutablePointer<Atomic<UInt>> = {
    let words = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: quarantineSize)
    for index in 0..<quarantineSize { unsafe (words + index).initialize(to: Atomic<UInt>(0)) }
    return unsafe words
  }()

  private static let drawn = Atomic<UInt64>(0)

  /// A pseudorandom number, the same in each run with the same order of calls.
  private static func draw(_ range: ClosedRange<Int>) -> Int {
    // SplitMix64.
    var mixed = drawn.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return range.lowerBound + Int((mixed ^ mixed >> 31) % UInt64(range.count))
  }
}
