/// A view of bytes that it does not own: those of the connection's buffer, of the plugin, of a literal.
///
/// Trivial to copy, with the layout of the plugin ABI's `outrider_bytes`, so that a plugin gets a parsed head without
/// conversion. The compiler does not check how long a view is valid: `Sources/Memory.md` lists for each kind of view
/// what it points into and what invalidates it. A view of memory that may still move or be freed does not outlive the
/// call that made it.
@safe
@usableFromInline
package struct Bytes {
  /// The first byte; nil only if `count` is 0.
  @usableFromInline package let base: UnsafePointer<UInt8>?
  @usableFromInline package let count: Int

  /// - Parameter base: nil only if `count` is 0; checked in debug builds.
  @inlinable
  package init(base: UnsafePointer<UInt8>?, count: Int) {
    assert(unsafe count >= 0 && (base != nil || count == 0))
    unsafe self.base = base
    self.count = count
  }

  /// A view from foreign values, which `isWellFormed` has yet to check.
  @inlinable
  package init(foreign base: UnsafePointer<UInt8>?, count: Int) {
    unsafe self.base = base
    self.count = count
  }

  @inlinable
  package static var empty: Bytes { unsafe Bytes(base: nil, count: 0) }

  /// A view of a literal, valid forever.
  @inlinable
  package init(_ literal: StaticString) {
    unsafe self.init(base: literal.utf8Start, count: literal.utf8CodeUnitCount)
  }

  @inlinable
  package var isEmpty: Bool { count == 0 }

  /// Whether the pointer and the length from a plugin are consistent.
  @inlinable
  package var isWellFormed: Bool { unsafe count == 0 || (count > 0 && count <= Bytes.most && base != nil) }

  /// The maximum length. Sums of a few lengths up to this do not overflow.
  @inlinable
  package static var most: Int { 1 << 47 }

  @inlinable
  package subscript(_ index: Int) -> UInt8 {
    precondition(index >= 0 && index < count)
    return unsafe base.unsafelyUnwrapped[index]  // checked on the line above
  }

  /// The part from `start` up to `end`, both within the view. An empty part has an address too.
  @inlinable
  package func slice(_ start: Int, _ end: Int) -> Bytes {
    precondition(start >= 0 && start <= end && end <= count)
    guard let base = unsafe base else { return .empty }
    return unsafe Bytes(base: base + start, count: end - start)
  }

  @inlinable
  package func dropFirst(_ n: Int) -> Bytes { slice(n, count) }

  package func firstIndex(of byte: UInt8) -> Int? {
    for index in 0..<count where self[index] == byte { return index }
    return nil
  }

  /// Compares byte by byte.
  @inlinable
  package func equals(_ other: Bytes) -> Bool {
    guard count == other.count, let base = unsafe base, let otherBase = unsafe other.base else {
      return count == other.count
    }
    for index in 0..<count {
      // index is below both counts
      if unsafe base[index] != otherBase[index] { return false }
    }
    return true
  }

  /// Compares, ignoring the case of ASCII letters.
  ///
  /// Inlined, so that the literal becomes constants in the code.
  ///
  /// - Parameter lowercase: lower-case letters, digits, and punctuation below the letters.
  @inlinable
  @inline(__always)
  package func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
    let length = lowercase.utf8CodeUnitCount
    guard count == length else { return false }
    guard let base = unsafe base else { return length == 0 }
    let (mine, other) = unsafe (UnsafeRawPointer(base), UnsafeRawPointer(lowercase.utf8Start))
    // Compares whole words, then the last word, which may overlap the one before it; all within `length`.
    var offset = 0
    while offset &+ 8 < length {
      if unsafe !Bytes.isSame(mine + offset, other + offset, as: UInt64.self) { return false }
      offset &+= 8
    }
    switch length {
    case 8...: return unsafe Bytes.isSame(mine + (length &- 8), other + (length &- 8), as: UInt64.self)
    case 4...7:
      return unsafe Bytes.isSame(mine, other, as: UInt32.self)
        && Bytes.isSame(mine + (length &- 4), other + (length &- 4), as: UInt32.self)
    case 2...3:
      return unsafe Bytes.isSame(mine, other, as: UInt16.self)
        && Bytes.isSame(mine + (length &- 2), other + (length &- 2), as: UInt16.self)
    case 1: return unsafe Bytes.isSame(mine, other, as: UInt8.self)
    default: return true
    }
  }

  /// Compares two words, ignoring case; `lowercase` has no upper-case letters.
  @inlinable
  @inline(__always)
  static func isSame<Word: FixedWidthInteger & BitwiseCopyable>(
    _ word: UnsafeRawPointer, _ lowercase: UnsafeRawPointer, as: Word.Type
  ) -> Bool {
    let (word, lowercase) = unsafe (word.loadUnaligned(as: Word.self), lowercase.loadUnaligned(as: Word.self))
    // The bit that distinguishes lower case is half of the bit that all letters have.
    let letters = lowercase & (Word.max / 0xFF &* 0x40)
    return word | letters &>> 1 == lowercase
  }

  @inlinable
  package func hasPrefix(_ prefix: Bytes) -> Bool {
    count >= prefix.count && slice(0, prefix.count).equals(prefix)
  }

  /// The bytes without spaces and tabs at both ends (OWS, RFC 9110 section 5.6.3).
  package var trimmed: Bytes {
    var start = 0
    var end = count
    while start < end && ASCII.isOptionalWhitespace(self[start]) { start += 1 }
    while end > start && ASCII.isOptionalWhitespace(self[end - 1]) { end -= 1 }
    return slice(start, end)
  }

  /// The bytes as text for a log line: at most `limit` of them, with \xNN for control and non-ASCII characters.
  package func escaped(limit: Int = 200) -> String {
    var text = ""
    for index in 0..<min(count, limit) {
      let byte = self[index]
      switch byte {
      case 0x5C: text += "\\\\"
      case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "\\x" + ASCII.hexDigits(byte)
      }
    }
    if count > limit { text += "…" }
    return text
  }
}
