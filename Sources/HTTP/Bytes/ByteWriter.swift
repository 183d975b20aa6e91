/// Appends bytes to memory whose capacity the caller has checked.
///
/// The owner computes the size before writing. A write past the capacity is a bug of this program and traps.
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
  @inline(__always)
  package mutating func append(_ bytes: Bytes) {
    guard let source = unsafe bytes.base, bytes.count > 0 else { return }
    precondition(bytes.count <= capacity &- count)
    unsafe ByteCopy.copy(source, bytes.count, to: base + count)
    count &+= bytes.count
  }

  /// Inlined, so that a short literal becomes a few stores.
  @inlinable
  @inline(__always)
  package mutating func append(_ literal: StaticString) {
    let length = literal.utf8CodeUnitCount
    precondition(length <= capacity &- count)
    unsafe UnsafeMutableRawPointer(base + count).copyMemory(from: literal.utf8Start, byteCount: length)
    count &+= length
  }

  /// A field line: name, colon, space, value, CR LF.
  @inlinable
  @inline(__always)
  package mutating func append(line field: Field) {
    let (name, value) = (field.name.count, field.value.count)
    // The counts are not negative, and adding 4 can't overflow.
    precondition(name <= capacity &- count && value <= capacity &- count &- name &- 4)
    var place = unsafe base + count
    if let bytes = unsafe field.name.base { unsafe ByteCopy.copy(bytes, name, to: place) }
    unsafe place += name
    unsafe UnsafeMutableRawPointer(place).storeBytes(of: UInt16(littleEndian: 0x203A), as: UInt16.self)
    unsafe place += 2
    if let bytes = unsafe field.value.base { unsafe ByteCopy.copy(bytes, value, to: place) }
    unsafe place += value
    unsafe UnsafeMutableRawPointer(place).storeBytes(of: ASCII.crlf, as: UInt16.self)
    count &+= name &+ value &+ 4
  }

  @inlinable
  package mutating func append(_ byte: UInt8) {
    precondition(count < capacity)
    unsafe base[count] = byte
    count &+= 1
  }

  /// Four bytes, the least significant first.
  @inlinable
  @inline(__always)
  mutating func append(word: UInt32) {
    precondition(4 <= capacity &- count)
    unsafe UnsafeMutableRawPointer(base + count).storeBytes(of: word.littleEndian, as: UInt32.self)
    count &+= 4
  }

  /// In decimal, without leading zeros.
  @inlinable
  @inline(__always)
  package mutating func append(decimal value: UInt64) {
    if value < 10_000 && capacity &- count >= 4 {
      append(few: UInt32(truncatingIfNeeded: value))
    } else {
      aside { $0.append(many: value) }
    }
  }

  /// The digits of a number below 10,000; writes up to four bytes.
  @inlinable
  @inline(__always)
  mutating func append(few value: UInt32) {
    let (upper, lower) = (value / 100, value % 100)
    let digits = upper / 10 | (upper % 10) << 8 | (lower / 10) << 16 | (lower % 10) << 24
    let zeros = (value < 10 ? 1 : 0) &+ (value < 100 ? 1 : 0) &+ (value < 1000 ? 1 : 0)
    let text = ((digits | 0x3030_3030) &>> UInt32(truncatingIfNeeded: zeros &* 8)).littleEndian
    unsafe UnsafeMutableRawPointer(base + count).storeBytes(of: text, as: UInt32.self)
    count &+= 4 &- zeros
  }

  /// Calls `body` with a writer of its own. If `body` is a rare, outlined call, this writer can stay in registers.
  @inlinable
  @inline(__always)
  package mutating func aside(_ body: (inout ByteWriter) -> Void) {
    var other = unsafe ByteWriter(base: base + count, capacity: capacity &- count)
    body(&other)
    count &+= other.count
  }

  @inline(never)
  @usableFromInline
  mutating func append(many value: UInt64) {
    var rest = value
    var digits = 1
    while rest >= 10 {
      rest /= 10
      digits &+= 1
    }
    precondition(digits <= capacity &- count)
    rest = value
    var place = unsafe base + (count &+ digits)
    count &+= digits
    repeat {
      unsafe place -= 1
      unsafe place.pointee = 0x30 &+ UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
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
