/// The scans that determine the speed of parsing a head: sixteen bytes a step.
///
/// Each finds the first byte of a class in the range from one pointer to another; nil if there is none.
package enum ByteScan {
  package typealias Place = UnsafePointer<UInt8>

  /// A control character (below 0x20, or 0x7F), HTAB included. Where the grammar allows tabs, the caller continues
  /// after it.
  @inline(__always)
  package static func control(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.controls }
  }

  /// The same for a range whose end has at least sixteen bytes before it. The last block ends with the range, and may
  /// begin before `start`.
  @inline(__always)
  static func controlInBlocks(_ start: Place, _ end: Place) -> Place? {
    var place = unsafe start
    let lastBlock = unsafe end - 16
    while unsafe place < lastBlock {
      let answers = unsafe ByteBlock(place).controls
      if answers != 0 { return unsafe place + answers.trailingZeroBitCount }
      unsafe place += 16
    }
    let answers = unsafe ByteBlock(lastBlock).controls &>> UInt32(truncatingIfNeeded: place - lastBlock)
    return unsafe answers == 0 ? nil : place + answers.trailingZeroBitCount
  }

  /// The first byte that is not visible ASCII (0x21 to 0x7E).
  package static func invisible(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.invisibles }
  }

  /// The end of the path of a request target: a question mark, a number sign, or an invisible byte.
  package static func endOfPath(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.endsOfPath }
  }

  /// The end of the query: a number sign, or an invisible byte.
  package static func endOfQuery(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.endsOfQuery }
  }

  /// The first byte that is neither a letter nor a hyphen: the end of a usual field name.
  package static func unusualInName(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.unusualInNames }
  }

  /// The same for a name shorter than 32 bytes in a long enough range; nil for others.
  @inline(__always)
  static func unusualInShortName(_ start: Place, _ end: Place) -> Place? {
    // Unrolled, since few names need two blocks.
    guard unsafe start <= end - 16 else { return nil }
    let answers = unsafe ByteBlock(start).unusualInNames
    if answers != 0 { return unsafe start + answers.trailingZeroBitCount }
    guard unsafe start <= end - 32 else { return nil }
    let more = unsafe ByteBlock(start + 16).unusualInNames
    return more == 0 ? nil : unsafe start + 16 + more.trailingZeroBitCount
  }

  /// The first byte that is neither a letter, a digit, a hyphen nor a dot.
  @inline(__always)
  package static func unusualInHost(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.unusualInHosts }
  }

  /// The first byte that is not ASCII.
  static func notASCII(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.notASCII }
  }

  /// The first occurrence of a byte that is not 0.
  package static func byte(_ byte: UInt8, _ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.matches(byte) }
  }

  /// Whether a nonempty range contains no control character.
  static func hasNoControl(_ start: Place, _ end: Place) -> Bool { unsafe hasNone(start, end) { $0.controls } }

  /// Whether a nonempty range is ASCII.
  @inline(__always)
  static func isASCII(_ start: Place, _ end: Place) -> Bool { unsafe hasNone(start, end) { $0.notASCII } }

  /// Whether a nonempty range contains only letters and hyphens.
  static func isUsualName(_ start: Place, _ end: Place) -> Bool { unsafe hasNone(start, end) { $0.unusualInNames } }

  /// Whether a nonempty range contains neither a percent sign nor a dot.
  static func hasNoPercentOrDot(_ start: Place, _ end: Place) -> Bool {
    unsafe hasNone(start, end) { $0.percentsAndDots }
  }

  @inline(__always)
  private static func hasNone(_ start: Place, _ end: Place, _ question: (ByteBlock) -> UInt32) -> Bool {
    let count = unsafe end - start
    if count < 16 { return question(unsafe ByteBlock(covering: start, count: count)) == 0 }
    let lastBlock = unsafe end - 16
    var place = unsafe start
    while unsafe place < lastBlock {
      if question(unsafe ByteBlock(place)) != 0 { return false }
      unsafe place += 16
    }
    // The last block may overlap the one before it.
    return question(unsafe ByteBlock(lastBlock)) == 0
  }

  /// The first byte whose bit `question` sets.
  @inline(__always)
  private static func first(_ start: Place, _ end: Place, _ question: (ByteBlock) -> UInt32) -> Place? {
    var place = unsafe start
    if let found = unsafe first(&place, blocksBefore: end, question) { return unsafe found }
    guard unsafe place < end else { return nil }
    let answers = question(unsafe ByteBlock.rest(place, count: end - place))
    let found = unsafe place + answers.trailingZeroBitCount
    // The zeros behind the last byte may match as well.
    return unsafe answers != 0 && found < end ? found : nil
  }

  @inline(__always)
  private static func first(
    _ place: inout Place, blocksBefore end: Place, _ question: (ByteBlock) -> UInt32
  ) -> Place? {
    let lastBlock = unsafe end - 16
    while unsafe place <= lastBlock {
      let answers = question(unsafe ByteBlock(place))
      if answers != 0 { return unsafe place + answers.trailingZeroBitCount }
      unsafe place += 16
    }
    return nil
  }
}
