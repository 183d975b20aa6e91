/// A field line: name and value as views into the memory of the message (RFC 9110 section 5).
///
/// Laid out as the plugin ABI's `outrider_field`.
@usableFromInline
package struct Field {
  @usableFromInline package let name: Bytes
  @usableFromInline package let value: Bytes

  @inlinable
  package init(name: Bytes, value: Bytes) {
    self.name = name
    self.value = value
  }
}

/// A run of fields that it does not own.
@safe
@usableFromInline
package struct Fields {
  @usableFromInline package let base: UnsafePointer<Field>?
  @usableFromInline package let count: Int

  @inlinable
  package init(base: UnsafePointer<Field>?, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  @inlinable
  package static var none: Fields { unsafe Fields(base: nil, count: 0) }

  @inlinable
  package subscript(_ index: Int) -> Field {
    precondition(index >= 0 && index < count)
    return unsafe base.unsafelyUnwrapped[index]  // checked on the line above
  }
}
