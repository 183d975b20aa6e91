/// A field line: name and value as views into whoever owns the message (RFC 9110 section 5).
///
/// Laid out as the plugin ABI's `outrider_field`.
package struct Field {
  package let name: Bytes
  package let value: Bytes

  @inlinable
  package init(name: Bytes, value: Bytes) {
    self.name = name
    self.value = value
  }
}

/// A run of fields that someone else owns.
@safe
package struct Fields {
  package let base: UnsafePointer<Field>?
  package let count: Int

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
