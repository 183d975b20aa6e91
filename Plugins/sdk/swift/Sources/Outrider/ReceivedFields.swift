public import COutriderPlugin

/// A field line of a request (RFC 9110 section 5).
@frozen @safe
public struct ReceivedField: ~Escapable {
  @usableFromInline let raw: outrider_field

  @usableFromInline @_lifetime(immortal)
  init(_ raw: outrider_field) { unsafe self.raw = raw }

  /// The name as received; in lower case over HTTP/2.
  @inlinable public var name: Bytes {
    @_lifetime(copy self) get { unsafe _overrideLifetime(Bytes(raw.name), copying: self) }
  }
  /// The value, without surrounding white space.
  @inlinable public var value: Bytes {
    @_lifetime(copy self) get { unsafe _overrideLifetime(Bytes(raw.value), copying: self) }
  }
}

/// The field lines of a request or of its trailers, in the order received and in the host's memory.
@frozen @safe
public struct ReceivedFields: ~Escapable {
  @usableFromInline let raw: UnsafePointer<outrider_field>?
  /// The number of field lines.
  public let count: Int

  @usableFromInline @_lifetime(immortal)
  init(_ raw: UnsafePointer<outrider_field>?, count: Int) {
    unsafe self.raw = raw
    self.count = unsafe raw == nil ? 0 : count
  }

  /// The positions of the field lines, from 0.
  @inlinable public var indices: Range<Int> { 0..<count }

  /// The field line at a position.
  @inlinable public subscript(index: Int) -> ReceivedField {
    @_lifetime(copy self)
    get {
      precondition(index >= 0 && index < count, "there is no field line at that position")
      return unsafe _overrideLifetime(ReceivedField(raw.unsafelyUnwrapped[index]), copying: self)
    }
  }

  /// The value of the first field line of that name, in any case; nil if there is none.
  public subscript(name: StaticString) -> Bytes? {
    @_lifetime(copy self)
    get {
      for index in 0..<count {
        let field = unsafe ReceivedField(raw.unsafelyUnwrapped[index])
        if field.name.equals(ignoringCase: name) { return unsafe _overrideLifetime(field.value, copying: self) }
      }
      return nil
    }
  }
}
