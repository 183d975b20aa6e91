/// A record at a fixed address. The handle is that address, and copying it copies one pointer.
///
/// The principle: the data of a request are found by their address and changed in place. A class would cost a retain
/// and a release each time it is passed on, and an array of structures moves when it grows. A handle does neither, and
/// the compiler specializes the code for each kind of record, so that it costs as much as a raw pointer.
///
/// A kind of record is a structure that cannot be copied, and a name for the handle:
///
///     typealias Connection = Pinned<ConnectionRecord>
///     struct ConnectionRecord: ~Copyable { … }
///     extension Connection { func endOutput() { … } }
///
/// A handle does not own its record. It is valid until `destroy`, or as long as the slab of the record.
@safe
@usableFromInline
package struct Pinned<Record: ~Copyable> {
  @usableFromInline package let address: UnsafeMutablePointer<Record>

  /// The handle of an existing record.
  @inlinable
  @inline(__always)
  package init(address: UnsafeMutablePointer<Record>) { unsafe self.address = address }

  /// The record in memory. Access copies and retains nothing, and is not checked for exclusivity.
  @inlinable
  package var record: Record {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }
}

extension Pinned where Record: ~Copyable {
  /// The handle of a record whose `raw` a C function has as its context.
  @inlinable
  @inline(__always)
  package init(raw: UnsafeMutableRawPointer) { unsafe address = raw.assumingMemoryBound(to: Record.self) }

  /// Allocates a record, which exists until `destroy`.
  @inlinable
  package init(_ record: consuming Record) {
    unsafe address = .allocate(capacity: 1)
    unsafe address.initialize(to: record)
  }

  @inlinable
  @inline(__always)
  package var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(address) }

  /// Destroys a record and frees its memory; in hostile memory overwritten and later.
  @inlinable
  package func destroy() {
    unsafe address.deinitialize(count: 1)
    unsafe HostileMemory.free(raw, count: MemoryLayout<Record>.stride)
  }

  @inlinable
  @inline(__always)
  package static func == (one: Self, other: Self) -> Bool { unsafe one.address == other.address }
}

// A record that may be sent to another thread may also be accessed there.
extension Pinned: @unchecked Sendable where Record: Sendable & ~Copyable {}
