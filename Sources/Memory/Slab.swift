import Synchronization

/// Records of one kind in one block of memory: a fixed number of slots, each initialized when first needed, reused, and
/// freed with the process.
///
/// The principle: a stale number or handle finds a reused record, but never freed memory. A record that may be
/// referenced after its use therefore counts its uses (an epoch), and references from outside contain the epoch: an
/// epoll token, a plugin's handle. Pages of slots that were never used cost no memory.
///
/// One thread takes and gives records; any thread may look up one that was made.
@safe
@usableFromInline
package struct Slab<Record: ~Copyable>: ~Copyable {
  @usableFromInline let records: UnsafeMutablePointer<Record>
  /// The numbers of free slots that were used before; the last one returned is on top.
  @usableFromInline let free: UnsafeMutablePointer<Int32>
  @usableFromInline var freeCount = 0
  @usableFromInline let madeCount = Atomic<Int>(0)
  @usableFromInline package let capacity: Int
}

extension Slab where Record: ~Copyable {
  @inlinable
  package init(capacity: Int) {
    precondition(capacity >= 0 && capacity <= Int(Int32.max))
    self.capacity = capacity
    unsafe records = .allocate(capacity: capacity)
    unsafe free = .allocate(capacity: capacity)
  }

  /// The number of records made so far. Their numbers begin at 0.
  @inlinable
  package var made: Int { madeCount.load(ordering: .acquiring) }

  /// [any-thread] The record with that number, in use or not; nil if it was never made.
  @inlinable
  @inline(__always)
  package func find(_ slot: Int) -> Pinned<Record>? {
    guard slot >= 0 && slot < made else { return nil }
    return unsafe Pinned(address: records + slot)
  }

  /// The record with that number, which was made.
  @inlinable
  package subscript(_ slot: Int) -> Pinned<Record> {
    precondition(slot >= 0 && slot < made)
    return unsafe Pinned(address: records + slot)
  }

  /// A free record in its last state; if there is none, a new one that `make` makes from its number; nil if all slots
  /// are in use. In hostile memory no record is reused while there are unused slots.
  @inlinable
  @inline(__always)
  package mutating func take(_ make: (Int32) -> Record) -> Pinned<Record>? {
    guard freeCount > 0, !(HostileMemory.isOn && made < capacity) else { return grow(make) }
    freeCount &-= 1
    return unsafe Pinned(address: records + Int(free[freeCount]))
  }

  @inlinable
  @inline(never)
  mutating func grow(_ make: (Int32) -> Record) -> Pinned<Record>? {
    let slot = madeCount.load(ordering: .relaxed)
    guard slot < capacity else { return nil }
    unsafe (records + slot).initialize(to: make(Int32(slot)))
    madeCount.store(slot + 1, ordering: .releasing)
    return unsafe Pinned(address: records + slot)
  }

  /// Returns a record that was taken.
  @inlinable
  @inline(__always)
  package mutating func give(_ slot: Int32) {
    assert(freeCount < made)
    unsafe free[freeCount] = slot
    freeCount &+= 1
  }
}
