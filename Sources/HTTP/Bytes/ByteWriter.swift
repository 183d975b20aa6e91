/// Appends bytes to memory whose capacity the caller has made sure of.
///
/// The owner sizes first and writes then; a write past the capacity is a fault of this program and traps.
@safe
@usableFromInline
package struct ByteWriter: ~Copyable {
  @usableFromInline let base: UnsafeMutablePointer<UInt8>
  @usableFromInline let capacity: Int
  @usableFromInline package internal(set) var count = 0

  /// - Parameter base: `capacity` writable bytes that outlive the writer.
  @inlinable
  package init(base: UnsafeMutablePointer<UInt8>, capacity: Int) {
    unsafe self.base = base
    self.capacity = capacity
  }

  @inlinable
  package mutating func append(_ bytes: Bytes) {
    guard let source = unsafe bytes.base, bytes.count > 0 else { return }
    precondition(bytes.count <= capacity &- count)
    unsafe (base + count).update(from: source, count: bytes.count)
    count &+= bytes.count
  }

  @inlinable
  package mutating func append(_ literal: StaticString) { append(Bytes(literal)) }

  @inlinable
  package mutating func append(_ byte: UInt8) {
    precondition(count < capacity)
    unsafe base[count] = byte
    count &+= 1
  }

  /// In decimal, without leading zeros.
  package mutating func append(decimal value: UInt64) {
    var divisor: UInt64 = 1
    while value / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(0x30 + UInt8(truncatingIfNeeded: value / divisor % 10))
      divisor /= 10
    }
  }

  /// In lower-case hexadecimal, without leading zeros.
  package mutating func append(hexadecimal value: UInt64) {
    var shift = value == 0 ? 0 : (63 - value.leadingZeroBitCount) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: value >> UInt64(shift) & 15)
      append(digit < 10 ? 0x30 + digit : 0x57 + digit)
      shift -= 4
    }
  }
}
