public import COutriderPlugin
import Glibc

/// Bytes that the host owns: not NUL-terminated, and not necessarily UTF-8.
///
/// A value of this type cannot outlive the request that it was taken from; the compiler refuses to store it. Compare it in
/// place, or copy it with `String(_:)` or `Array(_:)`.
@frozen @safe
public struct Bytes: ~Escapable {
  @usableFromInline let raw: outrider_bytes

  @usableFromInline @_lifetime(immortal)
  init(_ raw: outrider_bytes) { unsafe self.raw = raw }

  /// The number of bytes.
  @inlinable public var count: Int { unsafe raw.size }

  /// Whether there are none.
  @inlinable public var isEmpty: Bool { unsafe raw.size == 0 }

  /// The bytes, in place.
  @inlinable public var span: Span<UInt8> {
    @_lifetime(copy self)
    get {
      let start = unsafe UnsafeRawPointer(raw.data)?.assumingMemoryBound(to: UInt8.self)
      let span = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: start, count: start == nil ? 0 : raw.size))
      return unsafe _overrideLifetime(span, copying: self)
    }
  }

  /// Whether the bytes are those of `text`.
  @inlinable public func equals(_ text: StaticString) -> Bool {
    unsafe raw.size == text.utf8CodeUnitCount && (raw.size == 0 || memcmp(raw.data!, text.utf8Start, raw.size) == 0)
  }

  /// Whether the bytes are those of `text`, where ASCII letters match in either case (RFC 9110 section 5.1).
  public func equals(ignoringCase text: StaticString) -> Bool {
    unsafe raw.size == text.utf8CodeUnitCount
      && (raw.size == 0
        || strncasecmp(raw.data!, UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), raw.size) == 0)
  }

  /// Whether the bytes begin with those of `text`.
  @inlinable public func hasPrefix(_ text: StaticString) -> Bool {
    let size = text.utf8CodeUnitCount
    return unsafe raw.size >= size && (size == 0 || memcmp(raw.data!, text.utf8Start, size) == 0)
  }

  /// The bytes after the first `count`; none if there are not as many.
  @inlinable @_lifetime(copy self)
  public func dropFirst(_ count: Int) -> Bytes {
    let skipped = min(max(count, 0), self.count)
    let rest = unsafe Bytes(outrider_bytes(data: raw.data.map { unsafe $0 + skipped }, size: raw.size - skipped))
    return unsafe _overrideLifetime(rest, copying: self)
  }
}

/// Lets `switch` compare the bytes with literals.
@inlinable public func ~= (text: StaticString, bytes: borrowing Bytes) -> Bool { bytes.equals(text) }

extension String {
  /// A copy of the bytes. What is not UTF-8 becomes U+FFFD.
  @inlinable public init(_ bytes: borrowing Bytes) {
    self = unsafe String(decoding: UnsafeRawBufferPointer(start: bytes.raw.data, count: bytes.raw.size), as: UTF8.self)
  }
}

extension [UInt8] {
  /// A copy of the bytes.
  @inlinable public init(_ bytes: borrowing Bytes) {
    self = unsafe Array(UnsafeRawBufferPointer(start: bytes.raw.data, count: bytes.raw.size))
  }
}
